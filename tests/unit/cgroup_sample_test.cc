// Of cgroup files as kernels write them, v1 and v2, laid out in a directory.
#include <gtest/gtest.h>

#include "cgroup/sample.h"
#include "cgroup/usage.h"
#include "temporary_directory.h"

namespace tare::cgroup {
namespace {

Hierarchy hierarchy(const TemporaryDirectory& directory, const std::string& name,
                    std::vector<std::string> controllers, bool unified = false) {
  return {.mount = HostPath(name.empty() ? directory.path() : directory / name),
          .name = name,
          .controllers = std::move(controllers),
          .unified = unified,
          .own_path = "/",
          .writable = true};
}

TEST(CgroupSample, ReadsVersionTwo) {
  const TemporaryDirectory files;
  files.put(
      "c/cpu.stat",
      "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 3\nthrottled_usec 77\n");
  files.put("c/memory.current", "10000\n");
  files.put("c/memory.max", "max\n");
  files.put("c/memory.stat", "anon 1\ninactive_file 4000\nactive_file 5\n");
  files.put("c/io.stat",
            "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n");
  files.put("c/pids.current", "5\n");
  files.put(
      "c/cpu.pressure",
      "some avg10=1.25 avg60=0.50 avg300=0.10 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  const Layout layout{{hierarchy(files, "", {"cpu", "memory", "io", "pids"}, true)}};
  const Sample sample = read_sample(layout, "/c");
  EXPECT_EQ(sample.cpu_nanoseconds, 1'500'000U);
  EXPECT_EQ(sample.throttled_periods, 3U);
  EXPECT_EQ(sample.throttled_nanoseconds, 77'000U);
  EXPECT_EQ(sample.memory, 6000);
  EXPECT_EQ(sample.memory_limit, std::nullopt);
  EXPECT_EQ(sample.block_read, 101);
  EXPECT_EQ(sample.block_written, 22);
  EXPECT_EQ(sample.processes, 5U);
  EXPECT_EQ(sample.cpu_pressure, "1.25");
  EXPECT_EQ(sample.io_pressure, std::nullopt);
}

TEST(CgroupSample, ReadsVersionOne) {
  const TemporaryDirectory files;
  files.put("cpuacct/c/cpuacct.usage", "123456789\n");
  files.put("cpu/c/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n");
  files.put("memory/c/memory.usage_in_bytes", "8192\n");
  files.put("memory/c/memory.limit_in_bytes", "1048576\n");
  files.put("memory/c/memory.stat", "inactive_file 1\ntotal_inactive_file 192\n");
  files.put("blkio/c/blkio.throttle.io_service_bytes_recursive",
            "8:0 Read 300\n8:0 Write 40\n8:0 Total 340\n8:16 Read 1\nTotal 341\n");
  const Layout layout{{hierarchy(files, "cpu", {"cpu"}), hierarchy(files, "cpuacct", {"cpuacct"}),
                       hierarchy(files, "memory", {"memory"}), hierarchy(files, "blkio", {"blkio"})}};
  const Sample sample = read_sample(layout, "/c");
  EXPECT_EQ(sample.cpu_nanoseconds, 123'456'789U);
  EXPECT_EQ(sample.throttled_periods, 4U);
  EXPECT_EQ(sample.throttled_nanoseconds, 99U);
  EXPECT_EQ(sample.memory, 8000);
  EXPECT_EQ(sample.memory_limit, 1'048'576);
  EXPECT_EQ(sample.block_read, 301);
  EXPECT_EQ(sample.block_written, 40);
  EXPECT_EQ(sample.processes, std::nullopt);
  EXPECT_EQ(sample.cpu_pressure, std::nullopt);
}

TEST(CgroupSample, OfNoCgroupIsNothing) {
  const TemporaryDirectory files;
  const Sample sample = read_sample({{hierarchy(files, "", {"memory"}, true)}}, "/absent");
  EXPECT_EQ(sample.memory, std::nullopt);
  EXPECT_EQ(sample.cpu_nanoseconds, std::nullopt);
  EXPECT_EQ(read_sample({}, "/c").memory, std::nullopt);
}

TEST(CgroupProcesses, AreThoseBelowItToo) {
  const TemporaryDirectory files;
  files.put("c/cgroup.procs", "30\n10\n");
  files.put("c/inner/deep/cgroup.procs", "20\n");
  const Layout layout{{hierarchy(files, "", {}, true)}};
  EXPECT_EQ(list_processes(layout, "/c"), (std::vector<pid_t>{10, 20, 30}));
  EXPECT_EQ(list_processes(layout, "/absent"), std::vector<pid_t>{});
}

}  // namespace
}  // namespace tare::cgroup
