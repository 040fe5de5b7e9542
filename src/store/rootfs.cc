#include "store/rootfs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

// In a user namespace an id that is not in it shows as this one (overflowuid of proc(5)); the directory is
// then the user's, who is its root.
constexpr unsigned not_mapped = 65534;

unsigned known(unsigned id) { return id == not_mapped && !sys::in_first_user_namespace() ? 0 : id; }

}  // namespace

oci::Root overlay_root(const Rootfs& rootfs, const HostPath& container_directory) {
  if (rootfs.written_to) return {.path = rootfs.layers.front(), .lower = {}, .upper = {}, .work = {}};
  return {.path = container_directory / "rootfs",
          .lower = rootfs.layers,
          .upper = container_directory / "upper",
          .work = container_directory / "work"};
}

void make_overlay_directories(const Rootfs& rootfs, const HostPath& container_directory) {
  for (const char* name : {"rootfs", "upper", "work"})
    sys::make_directory(sys::here, (container_directory / name).value, 0755);
  // What an overlay shows of its own top directory is the upper layer's.
  const sys::UniqueFd from = sys::open_at(sys::here, rootfs.layers.front().value, O_PATH | O_DIRECTORY);
  const sys::UniqueFd to =
      sys::open_at(sys::here, (container_directory / "upper").value, O_RDONLY | O_DIRECTORY);
  struct stat top;
  if (::fstat(from.number(), &top) != 0) throw system_error("cannot look at the root file system");
  const timespec times[] = {top.st_atim, top.st_mtim};
  if (::fchown(to.number(), known(top.st_uid), known(top.st_gid)) != 0 ||
      ::fchmod(to.number(), top.st_mode & 07777) != 0 || ::futimens(to.number(), times) != 0)
    throw system_error("cannot give the container's root the owner and mode that its root file system has");
}

oci::Root copied_root(const HostPath& container_directory) {
  return {
      .path = container_directory / "rootfs", .lower = {}, .upper = {}, .work = {}, .ids_are_mapped = true};
}

}  // namespace tare::store
