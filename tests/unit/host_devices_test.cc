// The host's device nodes, found by a careful walk.
#include "engine/host_devices.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "temporary_directory.h"

namespace tare::engine {
namespace {

std::vector<std::string> paths(const std::vector<oci::DeviceNode>& nodes) {
  std::vector<std::string> all;
  for (const auto& node : nodes) all.push_back(node.path.value);
  return all;
}

void make_node(const TemporaryDirectory& dev, const std::string& name, mode_t mode, dev_t device) {
  ASSERT_EQ(::mknod((dev / name).c_str(), mode, device), 0) << "needs root";
  ASSERT_EQ(::chmod((dev / name).c_str(), mode & 07777), 0);
}

TEST(HostDevices, AreTheNodesAndNothingElse) {
  const TemporaryDirectory dev;
  for (const char* name : {"net", "pts", "shm", "mqueue", "snd/by-path"})
    sys::make_directories(dev.fd(), name);
  make_node(dev, "null", S_IFCHR | 0666, makedev(1, 3));
  make_node(dev, "sda", S_IFBLK | 0640, makedev(8, 0));
  ASSERT_EQ(::chown((dev / "sda").c_str(), 12, 6), 0);
  make_node(dev, "net/tun", S_IFCHR | 0600, makedev(10, 200));
  make_node(dev, "snd/by-path/card", S_IFCHR | 0600, makedev(116, 1));
  for (const char* own : {"pts/0", "shm/x", "console", "ptmx"})
    make_node(dev, own, S_IFCHR | 0600, makedev(5, 1));
  make_node(dev, "initctl", S_IFIFO | 0600, 0);
  dev.put("file", "text");
  ASSERT_EQ(::symlink("null", (dev / "link").c_str()), 0);
  ASSERT_EQ(::symlink("/dev", (dev / "all").c_str()), 0);

  const auto nodes = list_host_devices(dev.fd());
  EXPECT_EQ(paths(nodes),
            (std::vector<std::string>{"/dev/net/tun", "/dev/null", "/dev/sda", "/dev/snd/by-path/card"}));
  const auto& disk = nodes.at(2);
  EXPECT_EQ(disk.type, 'b');
  EXPECT_EQ(disk.major, 8U);
  EXPECT_EQ(disk.minor, 0U);
  EXPECT_EQ(disk.mode, 0640U);
  EXPECT_EQ(disk.uid, 12U);
  EXPECT_EQ(disk.gid, 6U);
  EXPECT_EQ(nodes.at(1).type, 'c');
}

}  // namespace
}  // namespace tare::engine
