#include <algorithm>
#include <gtest/gtest.h>

#include "cgroup/layout.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

using Names = std::vector<std::string>;

TEST(CgroupLayout, OfDebian12IsOneUnifiedHierarchy) {
  const auto layout = parse_layout(
      "22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
      "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
      "rw,nsdelegate,memory_recursiveprot\n",
      "0::/user.slice/user-0.slice/session-1.scope\n");
  ASSERT_EQ(layout.hierarchies.size(), 1u);
  EXPECT_EQ(layout.mode(), Mode::v2);
  EXPECT_EQ(layout.hierarchies[0].mount, HostPath("/sys/fs/cgroup"));
  EXPECT_EQ(layout.hierarchies[0].own_path, "/user.slice/user-0.slice/session-1.scope");
  EXPECT_TRUE(layout.hierarchies[0].unified);
  EXPECT_TRUE(layout.hierarchies[0].writable);
  EXPECT_EQ(layout.device_filter(), DeviceFilter::program);
  Layout refused = layout;
  refused.programs_are_refused = true;
  EXPECT_EQ(refused.device_filter(), DeviceFilter::none);
}

TEST(CgroupLayout, OfUbuntuWithV1HasControllersThatShareAMount) {
  const auto layout = parse_layout(
      "30 24 0:26 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,name=systemd\n"
      "33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:14 - cgroup cgroup rw,cpu,cpuacct\n"
      "34 24 0:30 / /sys/fs/cgroup/cpuset rw,nosuid shared:15 - cgroup cgroup rw,cpuset,clone_children\n"
      "35 24 0:31 / /sys/fs/cgroup/net_cls,net_prio rw shared:16 - cgroup cgroup rw,net_cls,net_prio\n"
      "36 24 0:32 / /sys/fs/cgroup/memory ro,nosuid shared:17 - cgroup cgroup rw,memory\n",
      "11:memory:/user.slice\n7:net_cls,net_prio:/\n5:cpuset:/\n4:cpu,cpuacct:/user.slice\n"
      "1:name=systemd:/user.slice/a:b\n");
  ASSERT_EQ(layout.hierarchies.size(), 5u);
  EXPECT_EQ(layout.mode(), Mode::v1);
  EXPECT_EQ(layout.hierarchies[0].name, "name=systemd");
  EXPECT_TRUE(layout.hierarchies[0].controllers.empty());
  EXPECT_EQ(layout.hierarchies[0].own_path, "/user.slice/a:b");
  EXPECT_EQ(layout.hierarchies[1].controllers, (Names{"cpu", "cpuacct"}));
  EXPECT_EQ(layout.find("cpu"), layout.find("cpuacct"));
  EXPECT_EQ(layout.find("cpuset")->controllers, (Names{"cpuset"}));
  EXPECT_EQ(layout.find("pids"), nullptr);
  EXPECT_FALSE(layout.can_limit("memory")) << "it is mounted read-only";
  EXPECT_TRUE(layout.writable());
  EXPECT_EQ(layout.device_filter(), DeviceFilter::none);
}

TEST(CgroupLayout, OfSystemdsHybridHasBothVersions) {
  const auto layout = parse_layout(
      "31 24 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate\n"
      "32 24 0:28 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd\n"
      "33 24 0:29 / /sys/fs/cgroup/devices rw,nosuid shared:14 - cgroup cgroup rw,devices\n",
      "4:devices:/system.slice\n1:name=systemd:/system.slice/ssh.service\n0::/system.slice/ssh.service\n");
  EXPECT_EQ(layout.mode(), Mode::hybrid);
  ASSERT_NE(layout.unified(), nullptr);
  EXPECT_EQ(layout.unified()->own_path, "/system.slice/ssh.service");
  EXPECT_EQ(layout.device_filter(), DeviceFilter::list);
}

TEST(CgroupLayout, InAContainerWithoutCgroupNamespacePathsStartAtTheMountsRoot) {
  const auto layout = parse_layout(
      "90 80 0:30 /docker/0123 /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "91 80 0:31 /docker/0123 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "92 80 0:32 /docker/0123 /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n",
      "3:pids:/docker/0123\n2:memory:/docker/0123/inner\n1:freezer:/docker/01234\n");
  EXPECT_EQ(layout.find("pids")->own_path, "/");
  EXPECT_EQ(layout.find("memory")->own_path, "/inner");
  EXPECT_EQ(layout.find("freezer")->own_path, "/") << "/docker/01234 is not below /docker/0123";
}

TEST(CgroupLayout, OutsideOfTheCgroupNamespaceTheOwnPathIsTheRoot) {
  const auto layout = parse_layout("90 80 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/../other\n");
  EXPECT_EQ(layout.hierarchies.at(0).own_path, "/");
}

TEST(CgroupLayout, ListsAHierarchyOnceAndPrefersTheMountThatCanBeWritten) {
  const auto layout = parse_layout(
      "90 80 0:30 / /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n"
      "91 80 0:30 / /mnt/with\\040blank\\134 rw - cgroup cgroup rw,pids\n"
      "92 80 0:30 / /mnt/third rw - cgroup cgroup rw,pids\n",
      "3:pids:/\n");
  ASSERT_EQ(layout.hierarchies.size(), 1u);
  EXPECT_EQ(layout.hierarchies[0].mount, HostPath("/mnt/with blank\\"));
}

TEST(CgroupLayout, IsEmptyWhereNoCgroupIsMounted) {
  const auto layout = parse_layout("22 28 0:21 / /proc rw - proc proc rw\n", "0::/\n");
  EXPECT_EQ(layout.mode(), Mode::none);
  EXPECT_FALSE(layout.writable());
  EXPECT_EQ(read_layout(HostPath("/nonexistent")).mode(), Mode::none);
}

TEST(CgroupLayout, OfThisMachineNamesDirectoriesThatHoldCgroups) {
  const auto layout = read_layout();
  ASSERT_NE(layout.mode(), Mode::none);
  for (const auto& hierarchy : layout.hierarchies)
    EXPECT_EQ(::access((hierarchy.mount / "cgroup.procs").c_str(), F_OK), 0) << hierarchy.mount.value;
}

// However it was found out: by looking at the usual places, or by the list of mounts.
TEST(CgroupLayout, OfThisMachineIsTheOneThatItsMountsSay) {
  const auto places = [](const Layout& layout) {
    std::vector<std::string> all;
    for (const auto& one : layout.hierarchies)
      all.push_back(one.name + " at " + one.mount.value + one.own_path);
    std::ranges::sort(all);
    return all;
  };
  const auto said = parse_layout(sys::read_file(sys::here, "/proc/self/mountinfo"),
                                 sys::read_file(sys::here, "/proc/self/cgroup"));
  EXPECT_EQ(places(read_layout()), places(said));
}

}  // namespace
}  // namespace tare::cgroup
