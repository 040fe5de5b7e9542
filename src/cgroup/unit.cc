#include "cgroup/unit.h"

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"

namespace tare::cgroup {
namespace {

constexpr std::string_view slice_end = ".slice", own_prefix = "tare-runtime";

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, "/linux/cgroupsPath: " + std::move(text), 0, std::move(hint));
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// systemd.unit(5)
void check_name(std::string_view name) {
  bool good = name.size() < 256;
  for (const char c : name) good = good && (is_letter_or_digit(c) || std::string_view(":-_.\\@").contains(c));
  if (!good)
    throw invalid(format("\"{}\" is no name of a unit of systemd", name),
                  "letters, digits and : - _ . \\ @ are allowed, up to 255");
}

/// systemd.unit(5), "String Escaping": ids may have a + in them, names of units may not.
std::string escaped(std::string_view id) {
  std::string text;
  for (const char c : id) text += c == '+' ? "\\x2b" : std::string(1, c);
  return text;
}

}  // namespace

std::string expand_slice(std::string_view slice) {
  if (slice == "-.slice") return {};
  if (!slice.ends_with(slice_end) || slice.size() == slice_end.size() || slice.contains('/'))
    throw invalid(format("\"{}\" is no slice of systemd", slice),
                  "it is a name like a-b.slice, for b in a; without a / in it");
  check_name(slice);
  slice.remove_suffix(slice_end.size());
  if (slice.starts_with('-') || slice.ends_with('-') || slice.contains("--"))
    throw invalid(format("the slice \"{}.slice\" has a part without a name", slice));
  std::string path;
  for (std::size_t end = 0; end != slice.npos;) {
    end = slice.find('-', end + 1);
    path.append("/").append(slice.substr(0, end)).append(slice_end);
  }
  return path;
}

Unit unit_of(std::string_view cgroups_path, std::string_view id, Manager manager, const std::string& root) {
  std::string_view rest = cgroups_path;
  const std::string default_path = format(":{}:{}", own_prefix, escaped(id));
  if (rest.empty()) rest = default_path;
  std::string slice(next_word(rest, ':'));
  const bool has_prefix = !rest.empty();
  const std::string prefix(next_word(rest, ':')), name(rest);
  // In the words of runc, which callers know.
  if (!has_prefix || name.empty() || name.contains(':'))
    throw invalid(
        format("expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got "
               "\"{}\" instead",
               cgroups_path));
  if (name.ends_with(slice_end)) return {.name = name, .slice = {}, .cgroup = root + expand_slice(name)};
  if (slice.empty()) slice = manager == Manager::system ? "system.slice" : "user.slice";
  if (slice == "-") slice = "-.slice";
  Unit unit{.name = format("{}-{}.scope", prefix, name), .slice = slice, .cgroup = {}};
  check_name(unit.name);
  unit.cgroup = format("{}{}/{}", root, expand_slice(slice), unit.name);
  return unit;
}

std::string manager_root(Manager manager, std::string_view first_process_cgroup, unsigned uid) {
  constexpr std::string_view unified = "0::", scope = "/init.scope";
  std::string root;
  while (!first_process_cgroup.empty()) {
    std::string_view line = next_word(first_process_cgroup, '\n');
    if (!line.starts_with(unified)) continue;
    line.remove_prefix(unified.size());
    if (line.ends_with(scope)) root = line.substr(0, line.size() - scope.size());
  }
  if (manager == Manager::user) root += format("/user.slice/user-{}.slice/user@{}.service", uid, uid);
  return root;
}

}  // namespace tare::cgroup
