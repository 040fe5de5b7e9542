#include "runtime/outside.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "plan/operations.h"
#include "runtime/plan_mounts.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::runtime {
namespace {

// The names are those that runc and crun give them.
constexpr struct {
  oci::NamespaceKind kind;
  std::string_view file, name;
} shareable[] = {{oci::NamespaceKind::network, "net", "extRootNetNS"},
                 {oci::NamespaceKind::pid, "pid", "extRootPidNS"}};

constexpr auto streams_file = "descriptors.json";

const oci::Namespace* find_joined(const oci::RuntimeConfig& config, oci::NamespaceKind kind) {
  const auto found = std::ranges::find(config.namespaces, kind, &oci::Namespace::kind);
  return found == config.namespaces.end() || found->path.empty() ? nullptr : &*found;
}

// Where a mount at `path` is, the symlinks of the root file system being followed as the kernel does; what is
// not in it is in another mount, and taken as it stands.
std::string follow_symlinks(sys::Fd root, const std::string& path) {
  constexpr int most_links = 40;  // path_resolution(7)
  std::string found, rest = path;
  for (int links = 0; !rest.empty();) {
    const auto begin = rest.find_first_not_of('/');
    if (begin == rest.npos) break;
    const auto end = std::min(rest.find('/', begin), rest.size());
    const std::string name = rest.substr(begin, end - begin);
    rest.erase(0, end);
    if (name == ".") continue;
    if (name == "..") {
      found.erase(std::min(found.rfind('/'), found.size()));
      continue;
    }
    const std::string here = found + "/" + name;
    const sys::UniqueFd file = sys::try_open_in_root(root, ContainerPath(here), O_PATH | O_NOFOLLOW);
    const auto target = file ? sys::try_read_link(file, "") : std::nullopt;
    if (!target || ++links > most_links) {
      found = here;
      continue;
    }
    if (target->starts_with('/')) found.clear();
    rest = *target + rest;
  }
  return found.empty() ? "/" : found;
}

void add_binds(std::vector<OutsideMount>& mounts, const plan::Program& program, sys::Fd root) {
  for (const auto& input : program.inputs) {
    if (input.what != plan::Input::What::bind) continue;
    const auto attached = std::ranges::find_if(program.entries, [&](const plan::Entry& entry) {
      return entry.kind == plan::Kind::attach && entry.slot == input.slot;
    });
    if (attached == program.entries.end()) continue;
    if (input.id_source || input.ids == plan::Input::Ids::mapped)
      throw Error(ErrorKind::unsupported,
                  format("the mount {} has mapped ids, which criu cannot restore", attached->path));
    mounts.push_back({.name = follow_symlinks(root, attached->path), .source = input.path});
  }
}

// criu restores a mount of v2 itself. Those of v1 show the container's own groups, wherever these are then.
void add_older_cgroups(std::vector<OutsideMount>& mounts, const oci::RuntimeConfig& config,
                       const cgroup::Layout& layout) {
  if (layout.mode() == cgroup::Mode::v2 || !is_new(config, oci::NamespaceKind::cgroup)) return;
  for (const auto& mount : config.mounts) {
    if (mount.type != "cgroup") continue;
    for (const auto& hierarchy : layout.hierarchies) {
      const std::string& at = hierarchy.mount.value;
      if (hierarchy.writable)
        mounts.push_back({.name = mount.destination.value + at.substr(at.find_last_of('/')),
                          .source = at + config.cgroups_path});
    }
  }
}

}  // namespace

std::vector<OutsideMount> outside_mounts(const oci::RuntimeConfig& config, const HostFacts& facts,
                                         const std::string& id) {
  std::vector<OutsideMount> mounts;
  const sys::UniqueFd root = sys::open_at(sys::here, config.root.path.value, O_PATH | O_DIRECTORY);
  add_binds(mounts, make_plan(config, facts, id), root);
  add_older_cgroups(mounts, config, facts.cgroups);
  return mounts;
}

void name_outside_namespaces(Criu& criu, const oci::RuntimeConfig& config, pid_t pid) {
  for (const auto& one : shareable) {
    if (!find_joined(config, one.kind)) continue;
    const auto status = sys::try_status(sys::here, format("/proc/{}/ns/{}", pid, one.file));
    if (!status) throw Error(ErrorKind::conflict, "container not running");
    criu.set(CriuOption::external, format("{}[{}]:{}", one.file, status->st_ino, one.name));
  }
}

std::vector<sys::UniqueFd> give_outside_namespaces(Criu& criu, const oci::RuntimeConfig& config) {
  std::vector<sys::UniqueFd> held;
  for (const auto& one : shareable) {
    const oci::Namespace* joined = find_joined(config, one.kind);
    if (!joined) continue;
    criu.give(held.emplace_back(sys::open_at(sys::here, joined->path, O_RDONLY)), one.name);
  }
  return held;
}

void note_streams(const HostPath& images, pid_t pid) {
  json::array streams;
  for (int number = 0; number < 3; number++)
    streams.emplace_back(
        sys::try_read_link(sys::here, format("/proc/{}/fd/{}", pid, number)).value_or("/dev/null"));
  sys::replace_file(sys::here, (images / streams_file).value, json::compact(streams), 0600);
}

void give_streams(Criu& criu, const HostPath& images) {
  const HostPath path = images / streams_file;
  Step step("read", path.value);
  const sys::UniqueFd directory = sys::open_at(sys::here, images.value, O_PATH | O_DIRECTORY);
  const sys::UniqueFd file =
      sys::try_open_regular_in_root(directory, ContainerPath("/" + std::string(streams_file)));
  if (!file && errno == ENOENT) return;
  if (!file) throw system_error("cannot open it");
  const json::value streams = json::parse(sys::read_all(file));
  if (!streams.is_array() || streams.as_array().size() != 3)
    throw Error(ErrorKind::invalid, "three standard streams are expected");
  for (int number = 0; number < 3; number++) {
    const json::value& stream = streams.as_array()[static_cast<std::size_t>(number)];
    if (!stream.is_string()) throw Error(ErrorKind::invalid, format("/{}: no text", number));
    const std::string name(stream.as_string());
    if (name.starts_with("pipe:")) criu.give(sys::Fd(number), name);
  }
}

}  // namespace tare::runtime
