#include "runtime/default_policy.h"

#include <algorithm>
#include <cerrno>
#include <linux/capability.h>
#include <linux/seccomp.h>

namespace tare::runtime {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// CLONE_NEW…: all kinds of namespaces but that of time, whose bit is another flag of clone(2).
constexpr ArgumentTest no_new_namespaces[] = {{.index = 0, .low = 0, .high = 0, .mask = 0x7e020000}};

// PER_LINUX, PER_LINUX32, either with UNAME26, and the question which one it is.
constexpr ArgumentTest common_personalities[] = {
    {.index = 0, .low = 0x0},     {.index = 0, .low = 0x8},        {.index = 0, .low = 0x20000},
    {.index = 0, .low = 0x20008}, {.index = 0, .low = 0xffffffff},
};

// All families but those of hypervisors (VSOCK), of the kernel's ciphers (ALG), and of networks that are no
// more (DECnet, Econet, ATMSVC, IrDA, WANPIPE, IUCV, CAIF, …).
constexpr ArgumentTest common_families[] = {
    {.index = 0, .low = 0, .high = 11},  {.index = 0, .low = 13, .high = 18},
    {.index = 0, .low = 21, .high = 22}, {.index = 0, .low = 24, .high = 24},
    {.index = 0, .low = 26, .high = 33}, {.index = 0, .low = 35, .high = 36},
    {.index = 0, .low = 39, .high = 39}, {.index = 0, .low = 41, .high = 45},
};

constexpr PolicyRule rules[] = {
    // files and directories
    {"access faccessat faccessat2 open openat openat2 creat close close_range read readv pread64 preadv "
     "preadv2 "
     "write writev pwrite64 pwritev pwritev2 lseek _llseek readahead sync syncfs fsync fdatasync "
     "sync_file_range "
     "truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 copy_file_range sendfile "
     "sendfile64 splice tee vmsplice flock fcntl fcntl64 ioctl dup dup2 dup3 cachestat "
     "stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 "
     "chdir fchdir getcwd getdents getdents64 mkdir mkdirat rmdir mknod mknodat link linkat symlink "
     "symlinkat "
     "readlink readlinkat rename renameat renameat2 unlink unlinkat umask "
     "chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 "
     "utime utimes utimensat utimensat_time64 futimesat name_to_handle_at statmount listmount"},
    {"getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr "
     "flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat"},
    {"inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark"},
    // waiting for descriptors, and queues of requests
    {"poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 "
     "epoll_ctl "
     "epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 "
     "pipe pipe2 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64"},
    // memory
    {"brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall "
     "mseal "
     "remap_file_pages memfd_create memfd_secret map_shadow_stack pkey_alloc pkey_free pkey_mprotect "
     "membarrier"},
    // processes and threads
    {"fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp "
     "setpgid getsid setsid pidfd_open pidfd_send_signal process_mrelease prctl seccomp "
     "landlock_create_ruleset landlock_add_rule landlock_restrict_self "
     "set_tid_address set_robust_list get_robust_list set_thread_area get_thread_area rseq restart_syscall "
     "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue "
     "sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_setattr "
     "sched_getattr sched_setaffinity sched_getaffinity sched_get_priority_max sched_get_priority_min "
     "sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set "
     "getcpu "
     "getrlimit ugetrlimit setrlimit prlimit64 getrusage times sysinfo uname"},
    {"getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid "
     "getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid "
     "setregid32 "
     "setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups "
     "setgroups32 "
     "capget capset"},
    // Since Linux 4.8 a traced process cannot step around its filter.
    {"ptrace process_vm_readv process_vm_writev"},
    // signals
    {"kill tkill tgkill pause sigaltstack sigprocmask sigreturn rt_sigaction rt_sigpending rt_sigprocmask "
     "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
     "uretprobe"},
    // time; the kernel asks for CAP_SYS_TIME itself where the clock would change
    {"time gettimeofday adjtimex alarm nanosleep getitimer setitimer clock_gettime clock_gettime64 "
     "clock_getres "
     "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 clock_adjtime clock_adjtime64 timer_create "
     "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
     "timerfd_create "
     "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64"},
    // sockets
    {"socketcall socketpair bind connect listen accept accept4 shutdown getsockname getpeername getsockopt "
     "setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 getrandom"},
    {.names = "socket", .any_of = common_families},
    // System V and POSIX messages, semaphores, shared memory
    {"ipc msgget msgsnd msgrcv msgctl semget semop semtimedop semtimedop_time64 semctl shmget shmat shmdt "
     "shmctl "
     "mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive "
     "mq_timedreceive_time64"},

    {.names = "personality", .any_of = common_personalities},
    {.names = "arch_prctl", .abis = x86_64 | x32},
    {.names = "modify_ldt", .abis = x86_64 | x32 | i386},
    {.names = "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls", .abis = aarch64 | arm},

    // A filter does not see clone3's flags, and C libraries without it take clone.
    {.names = "clone", .any_of = no_new_namespaces},
    {.names = "clone3", .capabilities = bit(CAP_SYS_ADMIN), .refusal = ENOSYS},
    {"clone unshare setns sethostname setdomainname mount umount umount2 mount_setattr move_mount open_tree "
     "fsopen fsconfig fsmount fspick quotactl quotactl_fd fanotify_init lookup_dcookie lsm_get_self_attr "
     "lsm_set_self_attr lsm_list_modules",
     bit(CAP_SYS_ADMIN)},
    {"bpf", bit(CAP_SYS_ADMIN) | bit(CAP_BPF)},
    {"perf_event_open", bit(CAP_SYS_ADMIN) | bit(CAP_PERFMON)},
    {"syslog", bit(CAP_SYS_ADMIN) | bit(CAP_SYSLOG)},
    {"open_by_handle_at", bit(CAP_DAC_READ_SEARCH)},
    {"reboot", bit(CAP_SYS_BOOT)},
    {"chroot", bit(CAP_SYS_CHROOT)},
    {"init_module finit_module delete_module", bit(CAP_SYS_MODULE)},
    {"get_mempolicy set_mempolicy set_mempolicy_home_node mbind", bit(CAP_SYS_NICE)},
    {"acct", bit(CAP_SYS_PACCT)},
    {"kcmp pidfd_getfd process_madvise", bit(CAP_SYS_PTRACE)},
    {"ioperm iopl", bit(CAP_SYS_RAWIO)},
    {"settimeofday stime clock_settime clock_settime64", bit(CAP_SYS_TIME)},
    {"vhangup", bit(CAP_SYS_TTY_CONFIG)},
};

constexpr std::uint32_t refuse(int error_number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
}

// x32's calls are x86-64's numbers with a bit of their own; ARM keeps a few far above.
constexpr std::uint32_t first_numbers[] = {0, 0x40000000};
constexpr std::uint32_t largest_number = 0xffff;

// What becomes of a call by the rules from `begin` to `end`, which are all about it.
Verdict judge(const PolicyNumber* begin, const PolicyNumber* end, std::uint64_t capabilities) {
  Verdict verdict{.action = refuse(EPERM), .cases = {}};
  for (const PolicyNumber* one = begin; one != end; one++) {
    const PolicyRule& rule = rules[one->rule];
    const bool applies = rule.capabilities == 0 || (rule.capabilities & capabilities);
    if (applies && rule.any_of.empty()) return {.action = SECCOMP_RET_ALLOW, .cases = {}};
    if (!applies && rule.refusal != EPERM) verdict.action = refuse(rule.refusal);
    if (applies)
      for (const auto& test : rule.any_of)
        verdict.cases.push_back({.action = SECCOMP_RET_ALLOW, .all_of = {test}});
  }
  return verdict;
}

// `numbers` are one architecture's.
CallTable make_call_table(std::span<const PolicyNumber> numbers, std::uint64_t capabilities) {
  const Verdict refused{.action = refuse(EPERM), .cases = {}}, absent{.action = refuse(ENOSYS), .cases = {}};
  CallTable table{.architecture = numbers.front().architecture, .from = {{0, refused}}};
  const auto* end = numbers.data() + numbers.size();
  for (const auto *one = numbers.data(), *next = one; one != end; one = next) {
    while (next != end && next->number == one->number) next++;
    table.from.insert_or_assign(one->number, judge(one, next, capabilities));
    table.from.try_emplace(one->number + 1, refused);
  }
  for (const std::uint32_t first : first_numbers) {
    std::uint32_t newest = 0;
    for (const auto& one : numbers)
      if (one.number >= first && one.number - first <= largest_number) newest = one.number;
    if (newest == 0) continue;
    table.from.try_emplace(first, refused);
    table.from[newest + 1] = absent;
  }
  return table;
}

}  // namespace

std::span<const PolicyRule> default_policy() { return rules; }

std::vector<CallTable> make_call_tables(std::span<const PolicyNumber> numbers, std::uint64_t capabilities) {
  std::vector<CallTable> tables;
  while (!numbers.empty()) {
    const auto end = std::ranges::find_if(
        numbers, [&](const PolicyNumber& one) { return one.architecture != numbers.front().architecture; });
    const auto count = static_cast<std::size_t>(end - numbers.begin());
    tables.push_back(make_call_table(numbers.first(count), capabilities));
    numbers = numbers.subspan(count);
  }
  return tables;
}

std::uint64_t capabilities_of_policy() {
  std::uint64_t all = 0;
  for (const auto& rule : rules) all |= rule.capabilities;
  return all;
}

}  // namespace tare::runtime
