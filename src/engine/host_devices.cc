#include "engine/host_devices.h"

#include <algorithm>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/sysmacros.h>

#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr std::string_view own_directories[] = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"};
constexpr std::string_view own_nodes[] = {"console", "ptmx"};
constexpr int deepest = 16;

template <typename Names>
bool is_among(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

void collect(sys::Fd directory, const std::string& path, int depth, std::vector<oci::DeviceNode>& nodes) {
  for (const auto& name : sys::list_directory(directory, ".")) {
    const auto status = sys::try_status(directory, name, AT_SYMLINK_NOFOLLOW);
    if (!status) continue;  // gone meanwhile
    if (S_ISDIR(status->st_mode)) {
      if (is_among(own_directories, name) || depth == deepest) continue;
      const sys::UniqueFd inner = sys::try_open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (inner) collect(inner, path + "/" + name, depth + 1, nodes);
    } else if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
      if (is_among(own_nodes, name)) continue;
      nodes.push_back({.path = ContainerPath(path + "/" + name),
                       .type = S_ISBLK(status->st_mode) ? 'b' : 'c',
                       .major = major(status->st_rdev),
                       .minor = minor(status->st_rdev),
                       .mode = status->st_mode & 07777,
                       .uid = status->st_uid,
                       .gid = status->st_gid});
    }
  }
}

}  // namespace

std::vector<oci::DeviceNode> list_host_devices(sys::Fd dev, const std::string& path) {
  std::vector<oci::DeviceNode> nodes;
  collect(dev, path, 0, nodes);
  return nodes;
}

}  // namespace tare::engine
