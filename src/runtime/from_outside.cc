#include "runtime/from_outside.h"

#include <cerrno>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/number_list.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

// From outside: a lower one than before needs a right that the container may not have any more.
void set_oom_score_adj(pid_t pid, int value) {
  if (sys::try_write_to(sys::here, format("/proc/{}/oom_score_adj", pid), format("{}", value))) return;
  const int number = errno;
  const std::string text = format("cannot set the OOM score adjustment to {}", value);
  if (number == EACCES)
    throw Error(ErrorKind::unsupported, text + ": it needs CAP_SYS_RESOURCE, which is missing", 0,
                "ask for 0 or more");
  throw system_error(number, text);
}

void check(long result, std::string_view field) {
  if (result == 0) return;
  const int number = errno;
  const bool is_right = number == EPERM, is_value = number == EINVAL;
  throw system_error(
      number, format("cannot set {}", field),
      is_right
          ? "it needs CAP_SYS_NICE, and for realtime a cgroup that has some (resources.cpu.realtimeRuntime)"
      : is_value ? "the kernel does not take these values together"
                 : "");
}

}  // namespace

void raise_hard_limit(pid_t pid, int resource, std::uint64_t hard) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit limit;
  if (::prlimit(pid, which, nullptr, &limit) != 0 || hard <= limit.rlim_max) return;
  limit.rlim_max = hard;
  (void)::prlimit(pid, which, &limit, nullptr);
}

void use_processors(pid_t pid, const std::string& list, std::string_view field) {
  if (sys::try_use_processors(pid, cgroup::to_bit_mask(list))) return;
  throw system_error(format("cannot set {} to {}", field, list),
                     "none of these processors is there, or in the cpuset");
}

void set_from_outside(pid_t pid, const plan::Settings& settings) {
  if (settings.oom_score_adj) set_oom_score_adj(pid, *settings.oom_score_adj);
  if (settings.scheduler)
    check(::syscall(SYS_sched_setattr, pid, &*settings.scheduler, 0), "/process/scheduler");
  if (settings.io_priority)
    check(::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, *settings.io_priority), "/process/ioPriority");
  if (settings.processors == plan::all_processors)
    sys::use_all_processors(pid);
  else if (!settings.processors.empty())
    use_processors(pid, settings.processors, "/process/execCPUAffinity/final");
}

}  // namespace tare::runtime
