#include "runtime/mount_inputs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/foreign_mount.h"
#include "store/copy_tree.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/path_in_root.h"
#include "sys/process.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

using plan::Input;

sys::UniqueFd open_tree(const Input& input) {
  if (!input.mount_namespace.empty())
    return clone_foreign_tree(input.mount_namespace, input.path, input.recursive);
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
  sys::UniqueFd fd(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, input.path.c_str(), flags)));
  if (!fd && !sys::is_missing(errno)) {
    const int number = errno;
    throw system_error(number, format("cannot take {} for a mount", input.path),
                       number == EINVAL && !input.recursive && !sys::in_first_user_namespace()
                           ? "in a user namespace what is mounted below must stay: use rbind"
                           : "");
  }
  return fd;
}

bool try_change(sys::Fd mount, bool all_below, mount_attr attributes) {
  const int flags = AT_EMPTY_PATH | (all_below ? AT_RECURSIVE : 0);
  return ::syscall(SYS_mount_setattr, mount.number(), "", flags, &attributes, sizeof attributes) == 0;
}

// A clone of a shared mount is its peer: without more, what is mounted on the host later would appear in the
// container, and what is mounted in the container on the host (mount_namespaces(7)).
bool try_set_propagation(const Input& input, sys::Fd mount) {
  for (const std::uint64_t flags : input.propagation) {
    if (try_change(
            mount, flags & MS_REC,
            {.attr_set = 0, .attr_clr = 0, .propagation = flags & ~std::uint64_t{MS_REC}, .userns_fd = 0}))
      continue;
    if (sys::is_missing(errno)) return false;
    throw system_error(format("cannot set the propagation of the mount of {}", input.path));
  }
  return true;
}

// What a config calls a device must be one: who checks its mounts would not look for files there.
void check_kind(const Input& input, sys::Fd fd) {
  struct stat status;
  if (input.file_type == 0 ||
      (::fstat(fd.number(), &status) == 0 && (status.st_mode & S_IFMT) == input.file_type))
    return;
  throw Error(ErrorKind::invalid, format("{} of the host is not the device that it is to be", input.path));
}

// A user namespace lives as long as something is in it, or a descriptor of it is open: a child begins it,
// waits to have its ids mapped, and is ended.
class NamespaceMaker {
 public:
  NamespaceMaker()
      : parent_(::getpid()),
        pid_(
            static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0))) {
    if (pid_ < 0) throw system_error("cannot make a user namespace for the mapped ids of a mount");
    if (pid_ != 0) return;
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    ::syscall(SYS_close_range, 0, ~0U, 0);  // locks, too
    if (::syscall(SYS_getppid) != parent_) ::syscall(SYS_exit_group, 1);
    for (;;) ::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
  }
  ~NamespaceMaker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  NamespaceMaker(const NamespaceMaker&) = delete;
  NamespaceMaker& operator=(const NamespaceMaker&) = delete;
  std::string directory() const { return format("/proc/{}", pid_); }

 private:
  pid_t parent_, pid_;
};

void configure(sys::Fd filesystem, unsigned command, const char* key, const char* value,
               std::string_view words) {
  if (::syscall(SYS_fsconfig, filesystem.number(), command, key, value, 0) != 0)
    throw system_error(format("cannot make a tmpfs for {}", words));
}

// A child copies, for the memory is whose process first touches it (cgroups(7)), and a file system may be
// made to have any size.
void copy_inside(const cgroup::Cgroup& cgroup, sys::Fd from, sys::Fd to, const std::string& path) {
  const std::vector<sys::UniqueFd> joins = cgroup.open_joins();
  const sys::UniqueFd unified = cgroup.open_unified();
  sys::UniqueFd words(::memfd_create("tare-copy", MFD_CLOEXEC));
  if (!words) throw system_error("cannot make a memory file");
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot make a process that copies");
  if (pid == 0) {
    try {
      for (const auto& join : joins) sys::write_all(join, "0");
      if (unified) sys::write_to(unified, "cgroup.procs", "0");
      store::copy_tree(from, to);
      ::_exit(0);
    } catch (const std::exception& error) {
      (void)!::write(words.number(), error.what(), std::strlen(error.what()));
    }
    ::_exit(1);
  }
  const int status = sys::reap(pid);
  if (status == 0) return;
  ::lseek(words.number(), 0, SEEK_SET);
  throw Error(ErrorKind::system,
              format("cannot copy {} of the root file system: {}", path,
                     WIFSIGNALED(status) ? "the process that copies was killed" : sys::read_all(words)),
              0, WIFSIGNALED(status) ? "its memory limit may be too small" : "");
}

}  // namespace

sys::UniqueFd open_bind(const Input& input) {
  sys::UniqueFd fd = open_tree(input);
  if (fd) check_kind(input, fd);
  if (!fd || !try_set_propagation(input, fd)) return {};
  if (!input.id_source) return fd;
  const sys::UniqueFd user_namespace = open_user_namespace(*input.id_source);
  if (!try_change(fd, input.maps_all_below,
                  {.attr_set = MOUNT_ATTR_IDMAP,
                   .attr_clr = 0,
                   .propagation = 0,
                   .userns_fd = static_cast<std::uint64_t>(user_namespace.number())}))
    throw system_error(
        format("cannot map the ids of {}", input.path),
        errno == EINVAL ? "its file system, or one mounted below it, knows no idmapped mounts" : "");
  return fd;
}

// Whatever links the root file system has in the way, the copy is of what is in it, and of nothing else.
sys::UniqueFd make_copied_tmpfs(const Input& input, const cgroup::Cgroup& cgroup) {
  const sys::UniqueFd filesystem(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  configure(filesystem, FSCONFIG_SET_STRING, "source", "tmpfs", input.path);
  for (const std::string& option : input.options) {
    const char* key = option.c_str() + 1;
    if (option[0] == '=')
      configure(filesystem, FSCONFIG_SET_STRING, key, key + std::strlen(key) + 1, input.path);
    else
      configure(filesystem, FSCONFIG_SET_FLAG, key, nullptr, input.path);
  }
  configure(filesystem, FSCONFIG_CMD_CREATE, nullptr, nullptr, input.path);
  sys::UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, filesystem.number(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) throw system_error(format("cannot make a tmpfs for {}", input.path));
  if (!try_set_propagation(input, mount))
    throw system_error(ENOSYS, format("cannot set the propagation of the mount of {}", input.path));
  const sys::UniqueFd root = sys::open_at(sys::here, input.root, O_PATH | O_DIRECTORY);
  const sys::UniqueFd from = sys::try_open_in_root(root, ContainerPath(input.path), O_RDONLY | O_DIRECTORY);
  if (!from && errno != ENOENT)
    throw system_error(format("cannot copy {} of the root file system", input.path));
  if (from) copy_inside(cgroup, from, sys::open_at(mount, ".", O_RDONLY | O_DIRECTORY), input.path);
  return mount;
}

void check_older_bind(const Input& input) {
  const bool is_mapped = input.ids == Input::Ids::mapped || input.id_source;
  const auto is_shared = [](std::uint64_t flags) { return flags & MS_SHARED; };
  if (std::ranges::any_of(input.propagation, is_shared) ||
      (!input.propagation.empty() && (input.propagation.back() & MS_SLAVE)))
    throw Error(ErrorKind::unsupported, format("cannot have mounts of {} propagate", input.path), ENOSYS,
                "it takes Linux 5.12, and a filter that lets open_tree and mount_setattr pass");
  if (input.mount_namespace.empty() && !is_mapped) {
    check_kind(input, sys::open_at(sys::here, input.path, O_PATH));
    return;
  }
  throw Error(ErrorKind::unsupported,
              is_mapped ? format("cannot map the ids of {}", input.path)
                        : format("cannot take {} of another container", input.path),
              ENOSYS, "it takes Linux 5.12, and a filter that lets open_tree and mount_setattr pass");
}

sys::UniqueFd open_user_namespace(const plan::IdSource& source) {
  if (!source.path.empty()) return sys::open_at(sys::here, source.path, O_RDONLY);
  const NamespaceMaker maker;
  const sys::UniqueFd process = sys::open_at(sys::here, maker.directory(), O_PATH | O_DIRECTORY);
  sys::write_to(process, "uid_map", source.maps.uid_map);
  sys::write_to(process, "gid_map", source.maps.gid_map);
  return sys::open_at(process, "ns/user", O_RDONLY);
}

}  // namespace tare::runtime
