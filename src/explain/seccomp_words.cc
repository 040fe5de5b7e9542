#include "explain/seccomp_words.h"

#include <algorithm>

#include "cgroup/text.h"
#include "runtime/default_policy.h"

namespace tare::explain {
namespace {

struct Family {
  std::string_view words, calls;
};

constexpr Family families[] = {
    {"mounting", "mount umount2 mount_setattr move_mount open_tree fsopen fsmount pivot_root"},
    {"entering and making namespaces", "unshare setns"},
    {"kernel modules", "init_module finit_module delete_module"},
    {"reboot and kexec", "reboot kexec_load kexec_file_load"},
    {"eBPF", "bpf"},
    {"performance counters", "perf_event_open"},
    {"the kernel's log", "syslog"},
    {"kernel keyrings", "add_key request_key keyctl"},
    {"io_uring", "io_uring_setup io_uring_enter io_uring_register"},
    {"page faults in user space", "userfaultfd"},
    {"setting the clock", "settimeofday clock_settime"},
    {"opening files by handle", "open_by_handle_at"},
    {"I/O ports", "ioperm iopl"},
    {"swap", "swapon swapoff"},
    {"disk quotas", "quotactl quotactl_fd"},
    {"process accounting", "acct"},
    {"watching whole file systems (fanotify)", "fanotify_init"},
    {"NUMA memory policy", "get_mempolicy set_mempolicy mbind"},
    {"taking other processes' descriptors", "kcmp pidfd_getfd process_madvise"},
    {"changing the hostname", "sethostname setdomainname"},
    {"changing the root directory", "chroot pivot_root"},
};

}  // namespace

bool is_allowed_by_default(std::string_view call, std::uint64_t capabilities) {
  return std::ranges::any_of(runtime::default_policy(), [&](const runtime::PolicyRule& rule) {
    return (rule.capabilities == 0 || (rule.capabilities & capabilities)) &&
           cgroup::has_word(rule.names, call, ' ');
  });
}

std::vector<std::string> blocked_families(std::uint64_t capabilities) {
  std::vector<std::string> blocked;
  for (const auto& family : families) {
    bool is_open = false;
    for (std::string_view calls = family.calls; !calls.empty();)
      is_open |= is_allowed_by_default(cgroup::next_word(calls, ' '), capabilities);
    if (!is_open) blocked.emplace_back(family.words);
  }
  return blocked;
}

}  // namespace tare::explain
