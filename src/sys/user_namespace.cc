#include "sys/user_namespace.h"

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

uid_t outside_uid() {
  const uid_t inside = ::geteuid();
  const std::string map = try_read_file(here, "/proc/self/uid_map").value_or("");
  // Lines of three numbers: the first id inside, the first outside, how many.
  for (const char* at = map.c_str();;) {
    char* end = nullptr;
    const std::uint64_t first = std::strtoull(at, &end, 10), outside = std::strtoull(end, &end, 10),
                        count = std::strtoull(end, &end, 10);
    if (count == 0) return inside;
    if (inside >= first && inside - first < count) return static_cast<uid_t>(outside + (inside - first));
    at = end;
  }
}

bool groups_are_fixed(const std::string& process) {
  const auto text = try_read_file(here, "/proc/" + process + "/setgroups");
  return text && text->starts_with("deny");
}

}  // namespace tare::sys
