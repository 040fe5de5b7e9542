#include "runtime/exec_cgroup.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

using plan::Input;
using plan::Kind;

// "/a//b/" → "/a/b". There are no symlinks in a cgroup file system, so without .. it stays below.
std::string below(const std::string& own, std::string_view wanted) {
  std::string path = own;
  for (std::string_view rest = wanted; !rest.empty();) {
    const std::string_view name = cgroup::next_word(rest, '/');
    if (name == "..")
      throw Error(ErrorKind::invalid, format("bad cgroup path \"{}\": it has .. in it", wanted));
    if (!name.empty() && name != ".") path.append("/").append(name);
  }
  return path;
}

void must_exist(const std::string& directory) {
  if (!sys::exists(sys::here, directory))
    throw Error(ErrorKind::not_found, format("there is no cgroup {}: no such file or directory", directory));
}

}  // namespace

ExecCgroup choose_cgroup(const cgroup::Layout& layout, const std::string& own,
                         const std::vector<std::string>& wanted) {
  ExecCgroup chosen{.path = own, .further = {}};
  for (const auto& one : wanted) {
    const std::size_t colon = one.find(':');
    if (colon == one.npos) {
      chosen.path = below(own, one);
      for (const auto& hierarchy : layout.hierarchies)
        if (hierarchy.writable && sys::exists(sys::here, hierarchy.mount.value + own))
          must_exist(hierarchy.mount.value + chosen.path);
      continue;
    }
    if (layout.mode() == cgroup::Mode::v2)
      throw Error(ErrorKind::invalid, format("bad cgroup \"{}\": controllers are for cgroup v1", one));
    std::string_view rest = std::string_view(one).substr(0, colon);
    if (rest.empty() || rest.ends_with(','))
      throw Error(ErrorKind::invalid, format("bad cgroup \"{}\": a controller is missing", one));
    while (!rest.empty()) {
      const std::string_view controller = cgroup::next_word(rest, ',');
      const cgroup::Hierarchy* hierarchy = layout.find(controller);
      if (!hierarchy || hierarchy->unified)
        throw Error(ErrorKind::invalid, format("bad cgroup \"{}\": unknown controller {}", one, controller));
      const std::string directory =
          hierarchy->mount.value + below(own, std::string_view(one).substr(colon + 1));
      must_exist(directory);
      chosen.further.push_back(directory + "/tasks");
    }
  }
  return chosen;
}

HostPath present_cgroup(const cgroup::Layout& layout, pid_t pid, const std::string& expected) {
  constexpr std::string_view unified = "0::";
  if (!layout.unified()) return HostPath();
  const std::string text = sys::try_read_file(sys::here, format("/proc/{}/cgroup", pid)).value_or("");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = cgroup::next_word(rest, '\n');
    if (!line.starts_with(unified)) continue;
    const std::string path(line.substr(unified.size()));
    const HostPath directory(layout.unified()->mount.value + path);
    if (path != expected && sys::exists(sys::here, directory.value)) return directory;
  }
  return HostPath();
}

void join_further(plan::Program& program, const std::vector<std::string>& files) {
  const auto last = std::ranges::find(program.entries.rbegin(), program.entries.rend(), Kind::join_cgroup,
                                      &plan::Entry::kind);
  auto at = last.base();
  for (const auto& file : files) {
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back({.what = Input::What::further_join, .slot = slot, .path = file});
    at = program.entries.insert(at, {.kind = Kind::join_cgroup, .slot = slot}) + 1;
  }
}

}  // namespace tare::runtime
