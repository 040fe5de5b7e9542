#include "store/merged.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <string>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

constexpr std::uint64_t only_to_read =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID;

sys::UniqueFd call(long result, const char* what) {
  if (result < 0) throw system_error(what);
  return sys::UniqueFd(static_cast<int>(result));
}

// Not recursive, so that what is mounted in it stays behind.
sys::UniqueFd clone_of(const HostPath& directory) {
  sys::UniqueFd clone =
      call(::syscall(SYS_open_tree, AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
           "cannot take it for a mount");
  mount_attr attributes{};
  attributes.attr_set = only_to_read;
  // In a user namespace that is not for us to choose (mount_namespaces(7), "locked").
  if (sys::in_first_user_namespace()) {
    attributes.attr_set |= MOUNT_ATTR_NOATIME;
    attributes.attr_clr = MOUNT_ATTR__ATIME;
  }
  if (::syscall(SYS_mount_setattr, clone.number(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    throw system_error("cannot make the mount read-only");
  return clone;
}

Error no_overlay(int error_number) {
  return Error(ErrorKind::no_overlay, "its layers cannot be put together by overlayfs", error_number);
}

// Names of descriptors are short from here, and a value of an option has at most 255 bytes (fsconfig(2)).
class AmongDescriptors {
 public:
  AmongDescriptors() : before_(sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY)) {
    if (::chdir("/proc/self/fd") != 0) throw system_error("cannot enter /proc/self/fd");
  }
  ~AmongDescriptors() { (void)!::fchdir(before_.number()); }
  AmongDescriptors(const AmongDescriptors&) = delete;
  AmongDescriptors& operator=(const AmongDescriptors&) = delete;

 private:
  sys::UniqueFd before_;
};

bool try_set(sys::Fd filesystem, const char* name, const std::string& value) {
  return ::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_SET_STRING, name, value.c_str(), 0) == 0;
}

// Where all of them in one option are too long, one by one: overlayfs can since Linux 6.5.
bool try_set_layers(sys::Fd filesystem, const std::vector<sys::UniqueFd>& directories) {
  std::string all;
  for (const auto& directory : directories)
    all += (all.empty() ? "" : ":") + std::to_string(directory.number());
  if (all.size() <= 255) return try_set(filesystem, "lowerdir", all);
  return std::ranges::all_of(directories, [&](const auto& directory) {
    return try_set(filesystem, "lowerdir+", std::to_string(directory.number()));
  });
}

// By descriptors, since `:` in a path would be a separator.
sys::UniqueFd overlay_of(const std::vector<HostPath>& layers, Marks marks) {
  std::vector<sys::UniqueFd> directories;
  for (const auto& layer : layers)
    directories.push_back(sys::open_at(sys::here, layer.value, O_PATH | O_DIRECTORY));
  const sys::UniqueFd filesystem(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!filesystem) throw no_overlay(errno);
  const AmongDescriptors place;
  if (!try_set_layers(filesystem, directories) ||
      ::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0 ||
      (marks == Marks::user &&
       ::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0) ||
      ::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    throw no_overlay(errno);
  return call(::syscall(SYS_fsmount, filesystem.number(), FSMOUNT_CLOEXEC, only_to_read | MOUNT_ATTR_NOATIME),
              "cannot mount it");
}

}  // namespace

Marks own_marks() { return sys::in_first_user_namespace() ? Marks::trusted : Marks::user; }

std::vector<HostPath> visible_layers(std::vector<HostPath> layers, Marks marks) {
  const char* name = marks == Marks::trusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
  for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
    char value = 0;
    if (::getxattr(layer->c_str(), name, &value, 1) != 1 || value != 'y') continue;
    layers.erase(layer + 1, layers.end());
    break;
  }
  return layers;
}

sys::UniqueFd open_merged(const std::vector<HostPath>& all_layers, Marks marks) {
  Step step("open the root file system", all_layers.front().value);
  const std::vector<HostPath> layers = visible_layers(all_layers, marks);
  const sys::UniqueFd mount = layers.size() == 1 ? clone_of(layers.front()) : overlay_of(layers, marks);
  return sys::open_at(mount, ".", O_RDONLY | O_DIRECTORY);
}

}  // namespace tare::store
