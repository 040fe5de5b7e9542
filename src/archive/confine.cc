#include "archive/confine.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <memory>
#include <seccomp.h>
#include <span>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "base/error.h"

namespace tare::archive {
namespace {

void close_others(sys::Fd tree, std::initializer_list<sys::Fd> kept) {
  std::vector<unsigned> open{STDERR_FILENO, static_cast<unsigned>(tree.number())};
  for (const sys::Fd fd : kept) open.push_back(static_cast<unsigned>(fd.number()));
  std::ranges::sort(open);
  for (std::size_t i = 0; i < open.size(); i++) {
    const unsigned last = i + 1 < open.size() ? open[i + 1] - 1 : ~0u;
    if (open[i] + 1 <= last && ::close_range(open[i] + 1, last, 0) != 0)
      throw system_error("cannot close the other descriptors");
  }
}

// For kernels without Landlock. Not a wall by itself, but the way over it (a directory outside held open, or
// CAP_SYS_CHROOT) is closed here too. Without the right to do it the process has not much to lose.
void enter_root(sys::Fd tree) {
  if (::fchdir(tree.number()) != 0) throw system_error("cannot enter the tree");
  if (::chroot(".") != 0 && errno != EPERM) throw system_error("cannot make the tree the root directory");
}

// What a path is good for (LANDLOCK_ACCESS_FS_…), and all beneath it.
struct Reach {
  sys::Fd path;
  std::uint64_t allowed;
};

// A path cannot be reached but beneath these. The first version of Landlock forbids every hard link across
// directories (landlock(7), LANDLOCK_ACCESS_FS_REFER), so it takes the second.
void confine_paths(std::span<const Reach> reaches) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 2) return;
  const landlock_ruleset_attr rules{.handled_access_fs = (LANDLOCK_ACCESS_FS_REFER << 1) - 1};
  const sys::UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0)));
  bool is_made = ruleset.valid();
  for (const auto& [path, allowed] : reaches) {
    const landlock_path_beneath_attr rule{.allowed_access = rules.handled_access_fs & allowed,
                                          .parent_fd = path.number()};
    is_made = is_made &&
              ::syscall(SYS_landlock_add_rule, ruleset.number(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  }
  if (!is_made || ::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0)
    throw system_error("cannot confine with Landlock");
}

void drop_capabilities(std::span<const unsigned> kept_capabilities) {
  std::uint64_t kept = 0;
  for (const unsigned capability : kept_capabilities) kept |= std::uint64_t{1} << capability;

  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2]{};
  if (::syscall(SYS_capget, &header, sets) != 0) throw system_error("cannot read the capabilities");
  // The bounding set needs SETPCAP; no_new_privs and no execve make up for it where that is missing.
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if ((kept >> capability & 1) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  for (int half = 0; half < 2; half++) {
    const auto mask = static_cast<std::uint32_t>(kept >> (32 * half));
    sets[half].permitted &= mask;
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets) != 0) throw system_error("cannot drop the capabilities");
}

// What glibc's memory and exceptions take, and any work with descriptors. Everything that is not listed
// answers ENOSYS, as a kernel without it would.
constexpr int common_calls[] = {
    SCMP_SYS(read),        SCMP_SYS(pread64),      SCMP_SYS(write),          SCMP_SYS(pwrite64),
    SCMP_SYS(writev),      SCMP_SYS(lseek),        SCMP_SYS(close),          SCMP_SYS(openat),
    SCMP_SYS(openat2),     SCMP_SYS(fstat),        SCMP_SYS(newfstatat),     SCMP_SYS(fstatfs),
    SCMP_SYS(getdents64),  SCMP_SYS(fcntl),        SCMP_SYS(fchdir),         SCMP_SYS(brk),
    SCMP_SYS(munmap),      SCMP_SYS(mremap),       SCMP_SYS(madvise),        SCMP_SYS(futex),
    SCMP_SYS(getpid),      SCMP_SYS(gettid),       SCMP_SYS(getrandom),      SCMP_SYS(clock_gettime),
    SCMP_SYS(sched_yield), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(exit),         SCMP_SYS(exit_group),     SCMP_SYS(restart_syscall)};

// Writing a tree: tree_writer.cc, metadata.cc, sys/file.cc. sendmsg(2) hands an open directory to whoever may
// set what the process may not; no socket but one that it was given can be there.
constexpr int unpacking_calls[] = {
    SCMP_SYS(ftruncate), SCMP_SYS(mkdirat),   SCMP_SYS(mknodat),   SCMP_SYS(linkat),    SCMP_SYS(symlinkat),
    SCMP_SYS(unlinkat),  SCMP_SYS(renameat),  SCMP_SYS(fchown),    SCMP_SYS(fchownat),  SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),  SCMP_SYS(utimensat), SCMP_SYS(fsetxattr), SCMP_SYS(lsetxattr), SCMP_SYS(sendmsg)};

// Reading one: tar_writer.cc, sys/directory.cc.
constexpr int reading_calls[] = {SCMP_SYS(readlinkat), SCMP_SYS(flistxattr), SCMP_SYS(fgetxattr),
                                 SCMP_SYS(llistxattr), SCMP_SYS(lgetxattr)};

constexpr unsigned unpacking_capabilities[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                                               CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP};
constexpr unsigned reading_capabilities[] = {CAP_DAC_READ_SEARCH};
constexpr unsigned reading_trusted_capabilities[] = {CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN};

struct Purpose {
  std::span<const int> calls;
  std::span<const unsigned> capabilities;
  std::uint64_t paths;  ///< LANDLOCK_ACCESS_FS_… beneath the tree
};
constexpr Purpose unpacking = {unpacking_calls, unpacking_capabilities,
                               ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE}};
constexpr Purpose reading = {reading_calls, reading_capabilities,
                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
constexpr Purpose reading_trusted = {reading.calls, reading_trusted_capabilities, reading.paths};

void filter_calls(std::span<const int> calls) {
  const std::unique_ptr<void, decltype(&::seccomp_release)> filter(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                                   &::seccomp_release);
  if (!filter) throw system_error("cannot make a seccomp filter");
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  int failed = 0;
  for (const auto list : {std::span<const int>(common_calls), calls})
    for (const int call : list) failed |= ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  // Memory, but none that code could be put into.
  const auto not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    failed |= ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1, not_executable);
  if (failed == 0) failed = ::seccomp_load(filter.get());
  if (failed != 0) throw system_error(-failed, "cannot load a seccomp filter");
}

void give_up_privileges_to_come() {
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw system_error("cannot give up new privileges");
}

void confine(const Purpose& purpose, sys::Fd tree, std::initializer_list<sys::Fd> kept) {
  close_others(tree, kept);
  enter_root(tree);
  give_up_privileges_to_come();
  const Reach reach[] = {{tree, purpose.paths}};
  confine_paths(reach);
  drop_capabilities(purpose.capabilities);
  filter_calls(purpose.calls);
}

// What fetching takes is the C library's, libcurl's and the name service's choice: here the list is of what
// it never takes.
constexpr int never_for_fetching[] = {SCMP_SYS(execve),
                                      SCMP_SYS(execveat),
                                      SCMP_SYS(ptrace),
                                      SCMP_SYS(process_vm_readv),
                                      SCMP_SYS(process_vm_writev),
                                      SCMP_SYS(pidfd_getfd),
                                      SCMP_SYS(kcmp),
                                      SCMP_SYS(mount),
                                      SCMP_SYS(umount2),
                                      SCMP_SYS(move_mount),
                                      SCMP_SYS(open_tree),
                                      SCMP_SYS(fsopen),
                                      SCMP_SYS(fsconfig),
                                      SCMP_SYS(fsmount),
                                      SCMP_SYS(fspick),
                                      SCMP_SYS(mount_setattr),
                                      SCMP_SYS(pivot_root),
                                      SCMP_SYS(unshare),
                                      SCMP_SYS(setns),
                                      SCMP_SYS(bpf),
                                      SCMP_SYS(perf_event_open),
                                      SCMP_SYS(userfaultfd),
                                      SCMP_SYS(io_uring_setup),
                                      SCMP_SYS(init_module),
                                      SCMP_SYS(finit_module),
                                      SCMP_SYS(delete_module),
                                      SCMP_SYS(kexec_load),
                                      SCMP_SYS(kexec_file_load),
                                      SCMP_SYS(reboot),
                                      SCMP_SYS(swapon),
                                      SCMP_SYS(swapoff),
                                      SCMP_SYS(add_key),
                                      SCMP_SYS(request_key),
                                      SCMP_SYS(keyctl),
                                      SCMP_SYS(open_by_handle_at),
                                      SCMP_SYS(settimeofday),
                                      SCMP_SYS(clock_settime),
                                      SCMP_SYS(adjtimex),
                                      SCMP_SYS(sethostname),
                                      SCMP_SYS(setdomainname),
                                      SCMP_SYS(quotactl),
                                      SCMP_SYS(acct),
                                      SCMP_SYS(iopl),
                                      SCMP_SYS(ioperm)};

// Those of the processes that unpack, and SYS_ADMIN for the mark that their parent sets for them
// (trusted.overlay.opaque), and for their own Landlock and filter where new privileges are not given up.
constexpr unsigned fetching_capabilities[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,     CAP_FSETID,
                                              CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_CHROOT, CAP_SYS_ADMIN};

// Libraries, certificates, the name service, and where names and addresses are asked for.
// The files beside their directory are symlinks to elsewhere on many machines.
constexpr const char* system_files[] = {"/etc/resolv.conf",
                                        "/etc/hosts",
                                        "/etc/nsswitch.conf",
                                        "/etc/gai.conf",
                                        "/etc/ssl/certs",
                                        "/etc/ssl/certs/ca-certificates.crt",
                                        "/etc",
                                        "/usr",
                                        "/lib",
                                        "/lib64",
                                        "/run/systemd/resolve",
                                        "/run/nscd",
                                        "/run/resolvconf",
                                        "/proc/self",
                                        "/sys/devices/system",
                                        "/dev/urandom"};

void forbid_calls(std::span<const int> calls) {
  const std::unique_ptr<void, decltype(&::seccomp_release)> filter(::seccomp_init(SCMP_ACT_ALLOW),
                                                                   &::seccomp_release);
  if (!filter) throw system_error("cannot make a seccomp filter");
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  int failed = 0;
  for (const int call : calls)
    // One that this machine's kernel has under no number cannot be made.
    if (call >= 0) failed |= ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0);
  if (failed == 0) failed = ::seccomp_load(filter.get());
  if (failed != 0) throw system_error(-failed, "cannot load a seccomp filter");
}

}  // namespace

void confine_to_fetching(sys::Fd store, const std::vector<HostPath>& readable) {
  constexpr std::uint64_t read_only = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  std::vector<sys::UniqueFd> open;
  std::vector<Reach> reaches{{store, ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE}}};
  const auto add = [&](const char* path) {
    sys::UniqueFd file(::open(path, O_PATH | O_CLOEXEC));
    struct stat status;
    if (!file || ::fstat(file.number(), &status) != 0) return;
    const bool is_directory = S_ISDIR(status.st_mode);
    reaches.push_back({file, is_directory ? read_only : std::uint64_t{LANDLOCK_ACCESS_FS_READ_FILE}});
    open.push_back(std::move(file));
  };
  for (const char* path : system_files) add(path);
  for (const auto& path : readable) add(path.c_str());
  give_up_privileges_to_come();
  confine_paths(reaches);
  drop_capabilities(fetching_capabilities);
  forbid_calls(never_for_fetching);
}

void confine_to_unpacking(sys::Fd tree, std::initializer_list<sys::Fd> kept) {
  confine(unpacking, tree, kept);
}

void confine_to_reading(sys::Fd tree, std::initializer_list<sys::Fd> kept, Attributes attributes) {
  confine(attributes == Attributes::trusted ? reading_trusted : reading, tree, kept);
}

}  // namespace tare::archive
