#include "sys/user_namespace.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

namespace tare::sys {

bool in_first_user_namespace() {
  // PROC_USER_INIT_INO of linux/proc_ns.h, the same on every machine.
  const auto name = try_read_link(here, "/proc/self/ns/user");
  return !name || *name == "user:[4026531837]";
}

bool is_root_of_system() {
  if (::geteuid() != 0) return false;
  const auto status = try_status(here, "/run");
  return !status || status->st_uid == 0 || in_first_user_namespace();
}

// Lines of three numbers (user_namespaces(7)).
std::vector<IdRange> own_ids(IdKind kind) {
  const char* file = kind == IdKind::user ? "/proc/self/uid_map" : "/proc/self/gid_map";
  const std::string map = try_read_file(here, file).value_or("");
  std::vector<IdRange> ranges;
  for (const char* at = map.c_str();;) {
    IdRange range;
    for (auto* number : {&range.inside, &range.outside, &range.count}) {
      char* end = nullptr;
      *number = std::strtoull(at, &end, 10);
      at = end;
    }
    if (range.count == 0) return ranges;
    ranges.push_back(range);
  }
}

bool contains(const std::vector<IdRange>& ranges, std::uint64_t id) {
  return std::ranges::any_of(
      ranges, [&](const IdRange& range) { return id >= range.inside && id - range.inside < range.count; });
}

uid_t outside_uid() {
  const uid_t inside = ::geteuid();
  for (const auto& range : own_ids(IdKind::user))
    if (contains({range}, inside)) return static_cast<uid_t>(range.outside + (inside - range.inside));
  return inside;
}

bool groups_are_fixed(const std::string& process) {
  const auto text = try_read_at_once(here, "/proc/" + process + "/setgroups");
  return text && text->starts_with("deny");
}

}  // namespace tare::sys
