#include "sys/user_namespace.h"

#include <cstdint>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "sys/file.h"

namespace tare::sys {
namespace {

struct Range {
  std::uint64_t inside, outside, count;
};

// Lines of three numbers.
std::vector<Range> own_ids() {
  std::vector<Range> ranges;
  const std::string map = try_read_file(here, "/proc/self/uid_map").value_or("");
  for (const char* at = map.c_str();;) {
    Range range{};
    for (auto* number : {&range.inside, &range.outside, &range.count}) {
      char* end = nullptr;
      *number = std::strtoull(at, &end, 10);
      at = end;
    }
    if (range.count == 0) return ranges;
    ranges.push_back(range);
  }
}

}  // namespace

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
  for (const auto& range : own_ids())
    if (inside >= range.inside && inside - range.inside < range.count)
      return static_cast<uid_t>(range.outside + (inside - range.inside));
  return inside;
}

std::uint64_t mapped_ids() {
  std::uint64_t sum = 0;
  for (const auto& range : own_ids()) sum += range.count;
  return sum;
}

bool groups_are_fixed(const std::string& process) {
  const auto text = try_read_file(here, "/proc/" + process + "/setgroups");
  return text && text->starts_with("deny");
}

}  // namespace tare::sys
