#include "runtime/mount_inputs.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

// A user namespace lives as long as something is in it, or a descriptor of it is open: a child begins it,
// waits to have its ids mapped, and is ended.
class NamespaceMaker {
 public:
  NamespaceMaker()
      : pid_(
            static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0))) {
    if (pid_ < 0) throw system_error("cannot make a user namespace for the mapped ids of a mount");
    if (pid_ != 0) return;
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
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
  pid_t pid_;
};

void configure(sys::Fd filesystem, unsigned command, const char* key, const char* value,
               std::string_view words) {
  if (::syscall(SYS_fsconfig, filesystem.number(), command, key, value, 0) != 0)
    throw system_error(format("cannot make a tmpfs for {}", words));
}

}  // namespace

sys::UniqueFd open_bind(const Input& input) {
  sys::UniqueFd fd = open_tree(input);
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

// Whatever links the root file system has in the way, the copy is of what the container would see there, and
// of nothing else's.
sys::UniqueFd make_copied_tmpfs(const Input& input) {
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
  if (from) store::copy_tree(from, sys::open_at(mount, ".", O_RDONLY | O_DIRECTORY));
  return mount;
}

void check_older_bind(const Input& input) {
  const bool is_mapped = input.ids == Input::Ids::mapped || input.id_source;
  if (input.mount_namespace.empty() && !is_mapped) {
    (void)sys::open_at(sys::here, input.path, O_PATH);
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
