#include "store/rootfs.h"

#include "sys/file.h"

namespace tare::store {

oci::Root overlay_root(const Rootfs& rootfs, const HostPath& container_directory) {
  if (rootfs.written_to) return {.path = rootfs.layers.front(), .lower = {}, .upper = {}, .work = {}};
  return {.path = container_directory / "rootfs",
          .lower = rootfs.layers,
          .upper = container_directory / "upper",
          .work = container_directory / "work"};
}

void make_overlay_directories(const HostPath& container_directory) {
  for (const char* name : {"rootfs", "upper", "work"})
    sys::make_directory(sys::here, (container_directory / name).value, 0755);
}

oci::Root copied_root(const HostPath& container_directory) {
  return {.path = container_directory / "rootfs", .lower = {}, .upper = {}, .work = {}};
}

}  // namespace tare::store
