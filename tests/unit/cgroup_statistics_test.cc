// From cgroup files as kernels write them to what runc's events say.
#include <gtest/gtest.h>

#include "cgroup/statistics.h"
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

std::string part(const json::object& statistics, std::string_view name) {
  return json::compact(statistics.at(name));
}

TEST(CgroupStatistics, ReadListsOfNumbers) {
  EXPECT_EQ(json::compact(numbers_of_list("0-2,7\n")), "[0,1,2,7]");
  EXPECT_EQ(json::compact(numbers_of_list("\n")), "[]");
  EXPECT_EQ(json::compact(numbers_of_list("3,x,4")), "[3]");
  EXPECT_EQ(json::compact(numbers_of_list("0-4294967295")), "[]") << "no list of this machine's";
}

TEST(CgroupStatistics, ReadPressureWithAveragesAndTotals) {
  const json::object pressure = pressure_of(
      "some avg10=1.25 avg60=0.50 avg300=0.00 total=18446744073709551615\nfull avg10=0.00 avg60=0.00 "
      "avg300=0.00 total=0\n");
  EXPECT_EQ(pressure.at("some").at("avg10"), json::value(1.25));
  EXPECT_EQ(pressure.at("some").at("avg60"), json::value(0.5));
  EXPECT_EQ(pressure.at("some").at("total"), json::value(UINT64_MAX));
  EXPECT_EQ(json::compact(pressure.at("full")), R"({"avg10":0,"avg60":0,"avg300":0,"total":0})");
  EXPECT_TRUE(pressure_of("").empty());
}

TEST(CgroupStatistics, ReadBlockCountersOfVersionOne) {
  EXPECT_EQ(json::compact(block_entries_of("8:0 Read 4096\n8:0 Total 4096\n8:16 512\nTotal 4608\n")),
            R"([{"major":8,"op":"Read","value":4096},{"major":8,"op":"Total","value":4096},)"
            R"({"major":8,"minor":16,"value":512}])");
}

TEST(CgroupStatistics, AreThoseOfVersionTwoInRuncsUnits) {
  const TemporaryDirectory files;
  files.put(
      "c/cpu.stat",
      "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 3\nthrottled_usec 77\n");
  files.put("c/cpuset.cpus.effective", "0-1\n");
  files.put("c/memory.current", "10000\n");
  files.put("c/memory.max", "20000\n");
  files.put("c/memory.peak", "15000\n");
  files.put("c/memory.swap.current", "100\n");
  files.put("c/memory.swap.max", "5000\n");
  files.put("c/memory.stat", "anon 1\nfile 4000\nkernel 300\n");
  files.put("c/memory.events", "low 0\nhigh 0\nmax 6\noom 1\noom_kill 2\n");
  files.put("c/io.stat", "8:0 rbytes=100 wbytes=20 rios=3 wios=1 dbytes=0 dios=0\n");
  files.put("c/pids.current", "5\n");
  files.put("c/pids.max", "max\n");
  files.put("c/hugetlb.2MB.current", "0\n");
  files.put("c/hugetlb.2MB.rsvd.current", "2097152\n");
  files.put("c/hugetlb.2MB.events", "max 4\n");
  files.put("c/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
  const Layout layout{{hierarchy(files, "", {"cpu", "cpuset", "memory", "io", "pids", "hugetlb"}, true)}};
  const json::object statistics = read_statistics(layout, "/c");
  EXPECT_EQ(part(statistics, "cpu"),
            R"({"usage":{"total":1500000,"kernel":500000,"user":1000000},)"
            R"("throttling":{"periods":9,"throttledPeriods":3,"throttledTime":77000},)"
            R"("psi":{"some":{"avg10":0,"avg60":0,"avg300":0,"total":5}}})");
  EXPECT_EQ(
      part(statistics, "memory"),
      R"({"cache":4000,"usage":{"limit":20000,"usage":10000,"max":15000,"failcnt":6},)"
      R"("swap":{"limit":25000,"usage":10100,"failcnt":0},"kernel":{"limit":0,"usage":300,"failcnt":0},)"
      R"("kernelTCP":{"limit":0,"failcnt":0},"raw":{"anon":1,"file":4000,"kernel":300},)"
      R"("event_count":{"low":0,"high":0,"max":6,"oom":1,"oom_kill":2}})");
  EXPECT_EQ(part(statistics, "pids"), R"({"current":5})");
  EXPECT_EQ(
      part(statistics, "blkio"),
      R"({"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":100},{"major":8,"op":"Write","value":20}],)"
      R"("ioServicedRecursive":[{"major":8,"op":"Read","value":3},{"major":8,"op":"Write","value":1}]})");
  EXPECT_EQ(part(statistics, "hugetlb"), R"({"2MB":{"usage":2097152,"failcnt":4}})");
  EXPECT_TRUE(part(statistics, "cpuset").starts_with(R"({"cpus":[0,1],"cpu_exclusive":0,)"));
}

TEST(CgroupStatistics, OfVersionTwoWithoutLimitHaveTheLargestNumber) {
  const TemporaryDirectory files;
  files.put("c/memory.current", "1\n");
  files.put("c/memory.max", "max\n");
  files.put("c/memory.swap.max", "0\n");
  const Layout layout{{hierarchy(files, "", {"memory"}, true)}};
  const json::object statistics = read_statistics(layout, "/c");
  const json::value& memory = statistics.at("memory");
  EXPECT_EQ(memory.at("usage").at("limit"), json::value(UINT64_MAX));
  EXPECT_EQ(memory.at("swap").at("limit"), json::value(UINT64_MAX));
}

TEST(CgroupStatistics, AreThoseOfVersionOne) {
  const TemporaryDirectory files;
  files.put("cpuacct/c/cpuacct.usage", "123456789\n");
  files.put("cpuacct/c/cpuacct.usage_percpu", "100 200 \n");
  files.put("cpuacct/c/cpuacct.usage_all", "cpu user system\n0 10 20\n1 30 40\n");
  files.put("cpuacct/c/cpuacct.stat", "user 3\nsystem 1\n");
  files.put("cpu/c/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n");
  files.put("cpuset/c/cpuset.cpus", "1\n");
  files.put("cpuset/c/cpuset.sched_load_balance", "1\n");
  files.put("cpuset/c/cpuset.sched_relax_domain_level", "-1\n");
  files.put("memory/c/memory.usage_in_bytes", "8192\n");
  files.put("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
  files.put("memory/c/memory.failcnt", "7\n");
  files.put("memory/c/memory.stat", "cache 9\nrss 8\n");
  files.put("blkio/c/blkio.bfq.io_serviced_recursive", "");
  files.put("blkio/c/blkio.throttle.io_serviced_recursive", "8:0 Read 300\nTotal 300\n");
  const Layout layout{{hierarchy(files, "cpu", {"cpu"}), hierarchy(files, "cpuacct", {"cpuacct"}),
                       hierarchy(files, "cpuset", {"cpuset"}), hierarchy(files, "memory", {"memory"}),
                       hierarchy(files, "blkio", {"blkio"})}};
  const json::object statistics = read_statistics(layout, "/c");
  EXPECT_EQ(part(statistics, "cpu"),
            R"({"usage":{"total":123456789,"percpu":[100,200],"percpu_kernel":[20,40],"percpu_user":[10,30],)"
            R"("kernel":10000000,"user":30000000},)"
            R"("throttling":{"periods":10,"throttledPeriods":4,"throttledTime":99}})");
  const json::value& cpuset = statistics.at("cpuset");
  EXPECT_EQ(json::compact(cpuset.at("cpus")), "[1]");
  EXPECT_EQ(cpuset.at("sched_load_balance"), json::value(1U));
  EXPECT_EQ(cpuset.at("sched_relax_domain_level"), json::value(-1));
  const json::value& memory = statistics.at("memory");
  EXPECT_EQ(json::compact(memory.at("usage")), R"({"limit":9223372036854771712,"usage":8192,"failcnt":7})");
  EXPECT_EQ(json::compact(memory.at("raw")), R"({"cache":9,"rss":8})");
  EXPECT_EQ(part(statistics, "blkio"), R"({"ioServicedRecursive":[{"major":8,"op":"Read","value":300}]})");
  EXPECT_EQ(part(statistics, "pids"), "{}");
}

}  // namespace
}  // namespace tare::cgroup
