#include <gtest/gtest.h>

#include "base/error.h"
#include "cgroup/devices.h"
#include "cgroup/limits.h"

namespace tare::cgroup {
namespace {

using Lines = std::vector<std::string>;

Layout v2_layout(std::vector<std::string> controllers = {"cpuset", "cpu", "io", "memory", "pids"}) {
  return {{{HostPath("/sys/fs/cgroup"), "", std::move(controllers), true, "/", true}}};
}

Layout v1_layout() {
  Layout layout;
  for (const char* name : {"cpu", "cpuset", "memory", "devices", "pids"})
    layout.hierarchies.push_back(
        {HostPath("/sys/fs/cgroup/" + std::string(name)), name, {name}, false, "/", true});
  return layout;
}

Lines lines(const std::vector<Write>& writes) {
  Lines text;
  for (const auto& write : writes) text.push_back(write.file + " " + write.value);
  return text;
}

oci::Resources all_limits() {
  return {.memory_limit = 64 << 20,
          .memory_swap = 96 << 20,
          .cpu_shares = 512,
          .cpu_quota = 50000,
          .cpu_period = 100000,
          .cpuset_cpus = "0-1",
          .cpuset_mems = "0",
          .pids_limit = 100};
}

std::string refusal(const Layout& layout, const oci::Resources& resources, const Facts& facts = {}) {
  try {
    plan_limits(layout, resources, facts);
  } catch (const Error& error) {
    return error.text();
  }
  return "";
}

TEST(CgroupLimits, AreWrittenToV1sFilesInAnOrderTheKernelAccepts) {
  const auto layout = v1_layout();
  const auto writes = plan_limits(layout, all_limits());
  EXPECT_EQ(lines(writes), (Lines{"memory.limit_in_bytes 67108864", "memory.memsw.limit_in_bytes 100663296",
                                  "cpu.shares 512", "cpu.cfs_period_us 100000", "cpu.cfs_quota_us 50000",
                                  "cpuset.cpus 0-1", "cpuset.mems 0", "pids.max 100"}));
  for (const auto& write : writes)
    EXPECT_TRUE(write.file.starts_with(layout.hierarchies[write.hierarchy].name));
}

oci::Resources rare_limits() {
  return {.device_weights = {{.major = 8, .minor = 0, .weight = 300, .leaf_weight = std::nullopt}},
          .read_bps = {{8, 0, 1000}},
          .write_iops = {{8, 16, 20}, {8, 32, 0}},
          .hugepages = {{"2MB", 4194304}},
          .rdma = {{"mlx5_1", 3, std::nullopt}, {"mlx4_0", 1, 10}}};
}

TEST(CgroupLimits, ThatAreRareAreWrittenToV2sFiles) {
  const auto layout = v2_layout({"hugetlb", "io", "rdma"});
  EXPECT_EQ(lines(plan_limits(layout, rare_limits())),
            (Lines{"hugetlb.2MB.max 4194304", "hugetlb.2MB.rsvd.max 4194304", "rdma.max mlx5_1 hca_handle=3",
                   "rdma.max mlx4_0 hca_handle=1 hca_object=10", "io.bfq.weight 8:0 300",
                   "io.max 8:0 rbps=1000", "io.max 8:16 wiops=20", "io.max 8:32 wiops=max"}));
  EXPECT_EQ(needed_controllers(rare_limits()), (Lines{"hugetlb", "rdma", "io"}));
}

TEST(CgroupLimits, ThatAreRareAreWrittenToV1sFiles) {
  Layout layout = v1_layout();
  for (const char* name : {"blkio", "hugetlb", "rdma", "net_cls", "net_prio"})
    layout.hierarchies.push_back(
        {HostPath("/sys/fs/cgroup/" + std::string(name)), name, {name}, false, "/", true});
  oci::Resources resources = rare_limits();
  resources.swappiness = 10;
  resources.no_oom_killer = true;
  resources.network_class = 0x100001;
  resources.network_priorities = {{"eth0", 5}};
  resources.leaf_weight = 20;
  EXPECT_EQ(lines(plan_limits(layout, resources)),
            (Lines{"hugetlb.2MB.limit_in_bytes 4194304", "hugetlb.2MB.rsvd.limit_in_bytes 4194304",
                   "rdma.max mlx5_1 hca_handle=3", "rdma.max mlx4_0 hca_handle=1 hca_object=10",
                   "net_cls.classid 1048577", "net_prio.ifpriomap eth0 5", "blkio.leaf_weight 20",
                   "blkio.bfq.weight_device 8:0 300", "blkio.throttle.read_bps_device 8:0 1000",
                   "blkio.throttle.write_iops_device 8:16 20", "blkio.throttle.write_iops_device 8:32 0",
                   "memory.swappiness 10", "memory.oom_control 1"}));
}

TEST(CgroupLimits, ThatOnlyV1HasAreRefusedOnV2) {
  EXPECT_EQ(refusal(v2_layout(), {.swappiness = 1}),
            "the swappiness needs the memory controller of cgroup v1; v2 has no such thing");
  EXPECT_EQ(refusal(v2_layout(), {.no_oom_killer = true}),
            "the switch of the OOM killer needs the memory controller of cgroup v1; v2 has no such thing");
  EXPECT_EQ(refusal(v2_layout(), {.network_class = 1}),
            "the class of network packets needs the net_cls controller of cgroup v1; v2 has no such thing");
}

TEST(CgroupLimits, ByNameAreV2sFilesAndComeLast) {
  const oci::Resources resources{.memory_limit = 1 << 20,
                                 .unified = {{"memory.high", "1000"}, {"cgroup.max.depth", "3"}}};
  EXPECT_EQ(lines(plan_limits(v2_layout(), resources)),
            (Lines{"memory.max 1048576", "memory.high 1000", "cgroup.max.depth 3"}));
  EXPECT_EQ(needed_controllers(resources), (Lines{"memory", "memory"}));
  EXPECT_EQ(refusal(v1_layout(), resources),
            "/linux/resources/unified is for cgroup v2 alone, and this is not it");
  EXPECT_EQ(
      refusal(v2_layout({"cpu"}), {.unified = {{"hugetlb.2MB.max", "0"}}}),
      "the cgroup v2 file hugetlb.2MB.max needs the hugetlb cgroup controller, which is not among those "
      "in /sys/fs/cgroup/cgroup.controllers");
}

TEST(CgroupLimits, AreWrittenToV2sFilesInItsUnits) {
  EXPECT_EQ(lines(plan_limits(v2_layout(), all_limits())),
            (Lines{"memory.max 67108864", "memory.swap.max 33554432", "cpu.weight 59", "cpu.max 50000 100000",
                   "cpuset.cpus 0-1", "cpuset.mems 0", "pids.max 100"}));
}

TEST(CgroupLimits, ThatWereNotAskedForAreNotWritten) {
  EXPECT_TRUE(plan_limits(v2_layout(), {}).empty());
  EXPECT_TRUE(plan_limits(v1_layout(), {}).empty());
  EXPECT_TRUE(plan_limits({}, {}).empty());
}

TEST(CgroupLimits, OfMinusOneMeanNone) {
  const oci::Resources none = {.memory_limit = -1, .memory_swap = -1, .cpu_quota = -1, .pids_limit = -1};
  EXPECT_EQ(lines(plan_limits(v2_layout(), none)),
            (Lines{"memory.max max", "memory.swap.max max", "cpu.max max", "pids.max max"}));
  EXPECT_EQ(lines(plan_limits(v1_layout(), none)),
            (Lines{"memory.limit_in_bytes -1", "memory.memsw.limit_in_bytes -1", "cpu.cfs_quota_us -1",
                   "pids.max max"}));
  EXPECT_TRUE(plan_limits({}, none).empty()) << "no limit needs no controller";
}

TEST(CgroupLimits, RaiseTheSumOfMemoryAndSwapFirstWhereMemoryWouldExceedIt) {
  const oci::Resources more = {.memory_limit = 200, .memory_swap = 300};
  EXPECT_EQ(lines(plan_limits(v1_layout(), more, {.present_memory_swap = 100})),
            (Lines{"memory.memsw.limit_in_bytes 300", "memory.limit_in_bytes 200"}));
  EXPECT_EQ(lines(plan_limits(v1_layout(), more, {.present_memory_swap = 400})),
            (Lines{"memory.limit_in_bytes 200", "memory.memsw.limit_in_bytes 300"}));
}

TEST(CgroupLimits, ForbidSwapWhereItEqualsMemoryAndNeedNoFileForItThen) {
  const auto writes =
      plan_limits(v2_layout(), {.memory_limit = 100, .memory_swap = 100}, {.swap_accounting = false});
  EXPECT_EQ(lines(writes), (Lines{"memory.max 100", "memory.swap.max 0"}));
  EXPECT_TRUE(writes[0].required);
  EXPECT_FALSE(writes[1].required);
}

TEST(CgroupLimits, LeaveThePeriodAloneWhenOnlyAQuotaIsGiven) {
  EXPECT_EQ(lines(plan_limits(v2_layout(), {.cpu_quota = 20000})), (Lines{"cpu.max 20000"}));
  EXPECT_EQ(lines(plan_limits(v2_layout(), {.cpu_period = 20000})), (Lines{"cpu.max max 20000"}));
}

TEST(CgroupLimits, OfReservationBurstAndIdlenessHaveFilesInBothVersions) {
  const oci::Resources resources = {
      .memory_reservation = 4096, .cpu_quota = 20000, .cpu_burst = 5000, .cpu_idle = 1};
  EXPECT_EQ(lines(plan_limits(v1_layout(), resources)),
            (Lines{"memory.soft_limit_in_bytes 4096", "cpu.idle 1", "cpu.cfs_burst_us 0",
                   "cpu.cfs_quota_us 20000", "cpu.cfs_burst_us 5000"}));
  EXPECT_EQ(
      lines(plan_limits(v2_layout(), resources)),
      (Lines{"memory.low 4096", "cpu.idle 1", "cpu.max.burst 0", "cpu.max 20000", "cpu.max.burst 5000"}));
  EXPECT_EQ(needed_controllers(resources), (std::vector<std::string>{"memory", "cpu"}));
}

TEST(CgroupLimits, OfCpuSharesWaitUntilACgroupIsNoLongerIdle) {
  EXPECT_EQ(lines(plan_limits(v2_layout(), {.cpu_shares = 1024, .cpu_idle = 1})), (Lines{"cpu.idle 1"}));
  EXPECT_EQ(lines(plan_limits(v2_layout(), {.cpu_shares = 1024, .cpu_idle = 0})),
            (Lines{"cpu.idle 0", "cpu.weight 100"}));
}

TEST(CgroupLimits, OfRealtimeAreOnlyVersionOnes) {
  const oci::Resources resources = {.cpu_realtime_runtime = 1000, .cpu_realtime_period = 5000};
  EXPECT_EQ(lines(plan_limits(v1_layout(), resources)),
            (Lines{"cpu.rt_period_us 5000", "cpu.rt_runtime_us 1000"}));
  EXPECT_EQ(refusal(v2_layout(), resources),
            "the limit of realtime CPU time needs the cpu controller of cgroup v1; that of v2 has none");
}

TEST(CgroupLimits, OfBlockIoGoToWhicheverFileTheKernelHas) {
  Layout v1 = v1_layout();
  v1.hierarchies.push_back({HostPath("/sys/fs/cgroup/blkio"), "blkio", {"blkio"}, false, "/", true});
  const oci::Resources resources = {.block_io_weight = 50};
  const auto old_writes = plan_limits(v1, resources), new_writes = plan_limits(v2_layout(), resources);
  EXPECT_EQ(lines(old_writes), (Lines{"blkio.bfq.weight 50"}));
  EXPECT_EQ(old_writes[0].other_file + " " + old_writes[0].other_value, "blkio.weight 50");
  EXPECT_EQ(v1.hierarchies[old_writes[0].hierarchy].name, "blkio");
  EXPECT_EQ(lines(new_writes), (Lines{"io.bfq.weight 50"}));
  EXPECT_EQ(new_writes[0].other_file + " " + new_writes[0].other_value, "io.weight 405");
  EXPECT_EQ(io_weight_of(10), 1U);
  EXPECT_EQ(io_weight_of(1000), 10000U);
  EXPECT_EQ(needed_controllers(resources), (std::vector<std::string>{"io"}));
  EXPECT_EQ(refusal(v2_layout({"cpu"}), resources),
            "the block I/O weight needs the io cgroup controller, which is not among those in "
            "/sys/fs/cgroup/cgroup.controllers");
  EXPECT_EQ(refusal(v1_layout(), resources),
            "the block I/O weight needs the blkio cgroup controller, which is not mounted");
}

TEST(CgroupLimits, ThatCannotBeHadAreRefusedByName) {
  EXPECT_EQ(refusal(v2_layout({"cpu"}), {.memory_limit = 1 << 20}),
            "the memory limit needs the memory cgroup controller, which is not among those in "
            "/sys/fs/cgroup/cgroup.controllers");
  EXPECT_EQ(
      refusal({}, {.pids_limit = 5}),
      "the limit of processes needs the pids cgroup controller, which is not there: no cgroup file system "
      "is mounted");
  auto layout = v1_layout();
  layout.hierarchies[1].writable = false;
  EXPECT_EQ(
      refusal(layout, {.cpuset_cpus = "0"}),
      "the choice of CPUs needs the cpuset cgroup controller, but /sys/fs/cgroup/cpuset cannot be written");
  layout.hierarchies.erase(layout.hierarchies.begin());
  EXPECT_EQ(refusal(layout, {.cpu_shares = 100}),
            "the share of CPU time needs the cpu cgroup controller, which is not mounted");
  EXPECT_EQ(refusal(v1_layout(), {.memory_limit = 1, .memory_swap = 2}, {.swap_accounting = false}),
            "the swap limit needs swap accounting, which this kernel does not do");
}

TEST(CgroupLimits, ThatContradictEachOtherAreRefused) {
  EXPECT_EQ(refusal(v2_layout(), {.memory_swap = 100}), "a swap limit needs a memory limit beside it");
  EXPECT_EQ(refusal(v2_layout(), {.memory_limit = 100, .memory_swap = 99}),
            "the limit of memory plus swap is smaller than the memory limit");
}

TEST(CgroupLimits, NameTheControllersTheyNeed) {
  EXPECT_EQ(needed_controllers(all_limits()), (Lines{"memory", "cpu", "cpuset", "pids"}));
  EXPECT_TRUE(needed_controllers({.memory_limit = -1, .cpu_quota = -1, .pids_limit = -1}).empty());
}

TEST(CgroupLimits, OfDevicesAreLinesOnV1AndNoWritesOnV2) {
  const oci::Resources devices = {.devices = default_device_rules()};
  const auto on_v1 = lines(plan_limits(v1_layout(), devices));
  ASSERT_EQ(on_v1.size(), 12u);
  EXPECT_EQ(on_v1[0], "devices.deny a");
  EXPECT_EQ(on_v1[1], "devices.allow c *:* m");
  EXPECT_EQ(on_v1[3], "devices.allow c 1:3 rwm");
  EXPECT_EQ(on_v1[11], "devices.allow c 136:* rwm");
  EXPECT_TRUE(plan_limits(v2_layout(), devices).empty());
  EXPECT_EQ(
      refusal({}, devices),
      "the limit of devices needs the devices cgroup controller, which is not there: no cgroup file system "
      "is mounted");
}

TEST(CgroupLimits, TurnSharesIntoWeightsThatKeepTheEndsAndTheNormalValue) {
  const std::pair<std::uint64_t, std::uint64_t> known[] = {
      {2, 1}, {256, 35}, {512, 59}, {1024, 100}, {262144, 10000}, {1, 1}, {1 << 20, 10000}};
  for (const auto& [shares, weight] : known) EXPECT_EQ(weight_of_shares(shares), weight) << shares;
  for (std::uint64_t shares = 3; shares < 262144; shares += 7)
    ASSERT_LE(weight_of_shares(shares - 1), weight_of_shares(shares)) << shares;
}

}  // namespace
}  // namespace tare::cgroup
