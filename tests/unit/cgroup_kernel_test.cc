// On the running kernel, as root: cgroups named tare-test-PID-… which each test makes and removes.
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/error.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/text.h"
#include "cgroup/usage.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

std::string test_path(std::string_view name) {
  return "/tare-test-" + std::to_string(::getpid()) + "-" + std::string(name);
}

int count_existing(const Layout& layout, const std::string& path) {
  int count = 0;
  for (const auto& hierarchy : layout.hierarchies)
    count += sys::exists(sys::here, hierarchy.mount.value + path);
  return count;
}

std::string read_limit(const Layout& layout, std::string_view controller, const std::string& path,
                       const std::string& file) {
  return std::string(
      trimmed(sys::read_file(sys::here, layout.find(controller)->mount.value + path + "/" + file)));
}

/// A child that has joined the cgroup and then does `act`, whose answer is its exit code.
pid_t start_inside(const Cgroup& cgroup, const std::function<int()>& act) {
  auto joins = cgroup.open_joins();
  if (auto unified = cgroup.open_unified_join()) joins.push_back(std::move(unified));
  int ready[2];
  EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (const auto& join : joins)
      if (::write(join.number(), "0", 1) != 1) ::_exit(99);
    if (::write(ready[1], "", 1) != 1) ::_exit(98);
    ::_exit(act());
  }
  ::close(ready[1]);
  char byte;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the child could not join";
  ::close(ready[0]);
  return pid;
}

int exit_code(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int sleep_forever() {
  for (;;) ::pause();
}

/// A tmpfs of its own for the calling child, where device nodes count (the host's /tmp may be nodev).
bool enter_own_tmp() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0;
}

TEST(Cgroup, IsMadeInEveryHierarchyAndGoneWithItsObject) {
  const auto layout = read_layout();
  const auto path = test_path("made");
  {
    const auto cgroup = Cgroup::create(layout, path);
    EXPECT_EQ(count_existing(layout, path), static_cast<int>(layout.hierarchies.size()));
    EXPECT_FALSE(cgroup.empty());
    EXPECT_FALSE(has_processes(layout, path));
  }
  EXPECT_EQ(count_existing(layout, path), 0);
}

TEST(Cgroup, ThatExistsAlreadyIsAConflictAndStays) {
  const auto layout = read_layout();
  const auto path = test_path("twice");
  const auto first = Cgroup::create(layout, path);
  try {
    Cgroup::create(layout, path);
    FAIL() << "made twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
  }
  EXPECT_EQ(count_existing(layout, path), static_cast<int>(layout.hierarchies.size()));
}

TEST(Cgroup, RefusesPathsThatLeaveTheHierarchy) {
  const auto layout = read_layout();
  for (const char* path : {"", "/", "tare-x", "/../x", "/a//b", "/a/", "/a/./b"})
    EXPECT_THROW(Cgroup::create(layout, path), Error) << path;
}

TEST(Cgroup, MakesMissingParentsAndTheLastOneOutRemovesThem) {
  const auto layout = read_layout();
  const auto top = test_path("parents");
  auto first = Cgroup::create(layout, top + "/deeper/one");
  auto second = Cgroup::create(layout, top + "/deeper/two");
  first.keep();
  second.keep();
  Cgroup::remove(layout, top + "/deeper/one");
  EXPECT_GT(count_existing(layout, top + "/deeper"), 0);
  Cgroup::remove(layout, top + "/deeper/two");
  EXPECT_EQ(count_existing(layout, top), 0);
}

TEST(Cgroup, LeavesParentsThatItDidNotMake) {
  const auto layout = read_layout();
  const auto top = test_path("theirs");
  for (const auto& hierarchy : layout.hierarchies)
    sys::make_directory(sys::here, hierarchy.mount.value + top);
  {
    const auto cgroup = Cgroup::create(layout, top + "/one");
  }
  EXPECT_EQ(count_existing(layout, top), static_cast<int>(layout.hierarchies.size()));
  Cgroup::remove(layout, top);
  EXPECT_EQ(count_existing(layout, top), 0);
}

TEST(Cgroup, LeavesNothingWhereOneHierarchyRefuses) {
  auto layout = read_layout();
  const auto top = test_path("half");
  // In the last hierarchy the name is taken.
  const auto& last = layout.hierarchies.back();
  sys::make_directories(sys::here, last.mount.value + top + "/one");
  EXPECT_THROW(Cgroup::create(layout, top + "/one"), Error);
  EXPECT_EQ(count_existing(layout, top), 1);
  Cgroup::remove(layout, top);
}

TEST(Cgroup, TakesAllLimitsAndTheKernelHasThem) {
  const auto layout = read_layout();
  const auto path = test_path("limits");
  oci::Resources resources;
  if (layout.can_limit("memory")) resources.memory_limit = 64 << 20, resources.memory_swap = 96 << 20;
  if (layout.can_limit("cpu"))
    resources.cpu_shares = 512, resources.cpu_quota = 50000, resources.cpu_period = 200000;
  if (layout.can_limit("cpuset")) resources.cpuset_cpus = "0", resources.cpuset_mems = "0";
  if (layout.can_limit("pids")) resources.pids_limit = 20;
  const bool weighs_io = layout.can_limit("io") || layout.can_limit("blkio");
  if (weighs_io) resources.block_io_weight = 50;
  const auto facts = read_facts(layout);
  if (!facts.swap_accounting) resources.memory_swap.reset();
  auto cgroup = Cgroup::create(layout, path, needed_controllers(resources));
  cgroup.apply(plan_limits(layout, resources, facts));
  const auto v2 = [&](const char* controller) { return layout.find(controller)->unified; };
  if (layout.can_limit("memory")) {
    EXPECT_EQ(read_usage(layout, path).memory_limit, 64 << 20);
    EXPECT_EQ(read_usage(layout, path).oom_kills, 0u);
    EXPECT_TRUE(read_usage(layout, path).memory_peak.has_value());
  }
  if (layout.can_limit("cpu") && v2("cpu")) {
    EXPECT_EQ(read_limit(layout, "cpu", path, "cpu.weight"), "59");
    EXPECT_EQ(read_limit(layout, "cpu", path, "cpu.max"), "50000 200000");
  } else if (layout.can_limit("cpu")) {
    EXPECT_EQ(read_limit(layout, "cpu", path, "cpu.shares"), "512");
    EXPECT_EQ(read_limit(layout, "cpu", path, "cpu.cfs_quota_us"), "50000");
    EXPECT_EQ(read_limit(layout, "cpu", path, "cpu.cfs_period_us"), "200000");
  }
  if (layout.can_limit("cpuset")) {
    EXPECT_EQ(read_limit(layout, "cpuset", path, "cpuset.cpus"), "0");
  }
  if (layout.can_limit("pids")) {
    EXPECT_EQ(read_limit(layout, "pids", path, "pids.max"), "20");
  }
  if (weighs_io) {
    const Hierarchy& hierarchy = *layout.find(layout.can_limit("io") ? "io" : "blkio");
    const auto text = [&](const char* file) {
      const auto found = sys::try_read_file(sys::here, hierarchy.mount.value + path + "/" + file);
      return found.value_or("");
    };
    const std::string all =
        text("io.bfq.weight") + text("blkio.bfq.weight") + text("blkio.weight") + text("io.weight");
    EXPECT_TRUE(all == "50\n" || all.starts_with("default 50\n") || all == "default 405\n") << all;
  }
}

TEST(Cgroup, SaysWhichFilesAKernelLacksThatCannotWeighBlockIo) {
  const auto layout = read_layout();
  const auto cgroup = Cgroup::create(layout, test_path("weight"));
  const Write write{.file = "no.such.weight",
                    .value = "50",
                    .why = "the block I/O weight",
                    .other_file = "nor.this",
                    .other_value = "405"};
  try {
    cgroup.apply({write});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_EQ(error.text(),
              "the block I/O weight was asked for, but this kernel has neither no.such.weight nor nor.this");
  }
}

TEST(Cgroup, LimitsCanBeRaisedAndLiftedWhileItRuns) {
  const auto layout = read_layout();
  if (!layout.can_limit("memory")) GTEST_SKIP() << "no memory controller on this machine";
  const auto path = test_path("update");
  {
    auto made = Cgroup::create(layout, path, {"memory"});
    made.apply(plan_limits(layout, {.memory_limit = 8 << 20, .memory_swap = 8 << 20}));
    auto cgroup = Cgroup::open(layout, path);
    cgroup.apply(plan_limits(layout, {.memory_limit = 32 << 20, .memory_swap = 64 << 20},
                             {.present_memory_swap = 8 << 20}));
    EXPECT_EQ(read_usage(layout, path).memory_limit, 32 << 20);
    cgroup.apply(plan_limits(layout, {.memory_limit = -1}, {.present_memory_swap = 64 << 20}));
    EXPECT_EQ(read_usage(layout, path).memory_limit, std::nullopt);
  }
  EXPECT_EQ(count_existing(layout, path), 0);
}

TEST(Cgroup, RefusalsOfTheKernelNameTheValueAndWhatIsWrong) {
  const auto layout = read_layout();
  if (!layout.can_limit("cpuset")) GTEST_SKIP() << "no cpuset controller on this machine";
  auto cgroup = Cgroup::create(layout, test_path("refused"), {"cpuset"});
  try {
    cgroup.apply(plan_limits(layout, {.cpuset_cpus = "nonsense"}));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "cannot set the choice of CPUs: \"nonsense\" to cpuset.cpus: Invalid argument (this is no list of "
        "CPUs of this machine)");
  }
}

TEST(Cgroup, IsJoinedByAChildThatWritesZero) {
  const auto layout = read_layout();
  const auto path = test_path("join");
  const auto cgroup = Cgroup::create(layout, path);
  const pid_t pid = start_inside(cgroup, sleep_forever);
  const auto own = sys::read_file(sys::here, "/proc/" + std::to_string(pid) + "/cgroup");
  std::size_t found = 0;
  for (std::size_t at = 0; (at = own.find(":" + path + "\n", at)) != std::string::npos; ++at) ++found;
  EXPECT_EQ(found, layout.hierarchies.size()) << own;
  EXPECT_TRUE(has_processes(layout, path));
  ::kill(pid, SIGKILL);
  EXPECT_EQ(exit_code(pid), 128 + SIGKILL);
  EXPECT_FALSE(has_processes(layout, path));
}

TEST(Cgroup, TakesAChildThatIsClonedIntoIt) {
  const auto layout = read_layout();
  const auto path = test_path("clone");
  const auto cgroup = Cgroup::create(layout, path);
  const auto unified = cgroup.open_unified();
  ASSERT_TRUE(unified.valid()) << "these tests want a cgroup2 mount";
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<__u64>(unified.number());
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) ::_exit(sleep_forever());
  ASSERT_GT(pid, 0);
  const auto own = sys::read_file(sys::here, "/proc/" + std::to_string(pid) + "/cgroup");
  EXPECT_NE(own.find("0::" + path + "\n"), std::string::npos) << own;
  Cgroup::remove(layout, path);
  EXPECT_EQ(exit_code(pid), 128 + SIGKILL);
}

TEST(Cgroup, CanBeMadeInAContainerThatSeesOnlyItsOwnPartOfTheHierarchies) {
  const auto layout = read_layout();
  const auto path = test_path("nested");
  const auto cgroup = Cgroup::create(layout, path);
  const pid_t pid = start_inside(cgroup, [&] {
    if (!enter_own_tmp()) return 1;
    for (const auto& hierarchy : layout.hierarchies) {
      const auto& mount = hierarchy.mount;
      if (::mount((mount.value + path).c_str(), mount.c_str(), nullptr, MS_BIND, nullptr) != 0) return 2;
    }
    const auto seen = read_layout();
    if (seen.hierarchies.size() != layout.hierarchies.size()) return 3;
    for (const auto& hierarchy : seen.hierarchies)
      if (hierarchy.own_path != "/" || !hierarchy.writable) return 4;
    const auto inner = Cgroup::create(seen, "/parent/inner");
    return count_existing(seen, "/parent/inner") == static_cast<int>(seen.hierarchies.size()) ? 0 : 5;
  });
  EXPECT_EQ(exit_code(pid), 0);
  EXPECT_EQ(count_existing(layout, path + "/parent"), 0) << "the child's cgroup, gone with its object";
}

TEST(Cgroup, IsEmptyWhereNoHierarchyCanBeWritten) {
  auto layout = read_layout();
  for (auto& hierarchy : layout.hierarchies) hierarchy.writable = false;
  EXPECT_FALSE(layout.writable());
  const auto path = test_path("unlimited");
  const auto cgroup = Cgroup::create(layout, path);
  EXPECT_TRUE(cgroup.empty());
  EXPECT_TRUE(cgroup.open_joins().empty());
  EXPECT_FALSE(cgroup.open_unified().valid());
  EXPECT_EQ(count_existing(layout, path), 0);
  Cgroup::remove(layout, path);
}

TEST(Cgroup, BelowOneWithProcessesOfItsOwnCannotHaveControllersOnV2) {
  const auto layout = read_layout();
  if (layout.mode() != Mode::v2) GTEST_SKIP() << "v2 has no controllers of its own on this machine";
  const auto path = test_path("internal");
  const auto outer = Cgroup::create(layout, path, {"memory"});
  const pid_t pid = start_inside(outer, sleep_forever);
  try {
    Cgroup::create(layout, path + "/inner", {"memory"});
    ADD_FAILURE() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_EQ(error.error_number(), EBUSY);
    EXPECT_FALSE(error.hint().empty());
  }
  // Without a limit it is only not counted.
  const auto inner = Cgroup::create(layout, path + "/inner");
  EXPECT_FALSE(inner.empty());
  ::kill(pid, SIGKILL);
  EXPECT_EQ(exit_code(pid), 128 + SIGKILL);
}

TEST(Cgroup, LimitOfProcessesIsFelt) {
  const auto layout = read_layout();
  if (!layout.can_limit("pids")) GTEST_SKIP() << "no pids controller on this machine";
  auto cgroup = Cgroup::create(layout, test_path("pids"), {"pids"});
  cgroup.apply(plan_limits(layout, {.pids_limit = 3}));
  const pid_t pid = start_inside(cgroup, [] {
    for (int made = 0;; ++made) {
      const pid_t child = ::fork();
      if (child == 0) sleep_forever();
      if (child < 0) return errno == EAGAIN ? made : 90;
    }
  });
  EXPECT_EQ(exit_code(pid), 2);
}

TEST(Cgroup, LimitOfMemoryIsFeltAndCounted) {
  const auto layout = read_layout();
  if (!layout.can_limit("memory")) GTEST_SKIP() << "no memory controller on this machine";
  const auto path = test_path("memory");
  auto cgroup = Cgroup::create(layout, path, {"memory"});
  cgroup.apply(plan_limits(layout, {.memory_limit = 16 << 20, .memory_swap = 16 << 20}));
  const pid_t pid = start_inside(cgroup, [] {
    for (int i = 0; i < 64; ++i) {
      auto* block = static_cast<volatile char*>(::malloc(1 << 20));
      for (int at = 0; at < 1 << 20; at += 4096) block[at] = 1;
    }
    return 0;
  });
  EXPECT_EQ(exit_code(pid), 128 + SIGKILL);
  const Usage usage = read_usage(layout, path);
  EXPECT_EQ(usage.oom_kills, 1u);
  EXPECT_GT(usage.memory_peak.value_or(0), 12 << 20);
}

TEST(Cgroup, IsRemovedWithRunningProcessesAndNestedCgroups) {
  const auto layout = read_layout();
  const auto path = test_path("remove");
  auto outer = Cgroup::create(layout, path);
  auto inner = Cgroup::create(layout, path + "/a/b");
  outer.keep();
  inner.keep();
  const pid_t first = start_inside(inner, sleep_forever);
  // v2 wants no process above another cgroup only where controllers are on; here none is.
  const pid_t second = start_inside(inner, sleep_forever);
  Cgroup::remove(layout, path);
  EXPECT_EQ(count_existing(layout, path), 0);
  EXPECT_EQ(exit_code(first), 128 + SIGKILL);
  EXPECT_EQ(exit_code(second), 128 + SIGKILL);
  Cgroup::remove(layout, path);
}

TEST(Cgroup, IsRemovedWhileItsProcessesAreFrozen) {
  const auto layout = read_layout();
  const auto* freezer = layout.find("freezer");
  const auto path = test_path("frozen");
  auto cgroup = Cgroup::create(layout, path);
  const pid_t pid = start_inside(cgroup, sleep_forever);
  if (freezer)
    sys::write_to(sys::here, freezer->mount.value + path + "/freezer.state", "FROZEN");
  else
    sys::write_to(cgroup.open_unified(), "cgroup.freeze", "1");
  cgroup.keep();
  Cgroup::remove(layout, path);
  EXPECT_EQ(exit_code(pid), 128 + SIGKILL);
  EXPECT_EQ(count_existing(layout, path), 0);
}

/// Exit code 0: null can be used, a block device can be made but not opened.
int try_devices() {
  if (::open("/dev/null", O_RDWR) < 0) return 1;
  if (!enter_own_tmp()) return 4;
  if (::mknod("/tmp/node", S_IFBLK | 0600, makedev(7, 0)) != 0) return 2;
  return ::open("/tmp/node", O_RDONLY) < 0 && errno == EPERM ? 0 : 3;
}

TEST(Cgroup, DeviceRulesAreFeltOnV1) {
  const auto layout = read_layout();
  if (layout.device_filter() != DeviceFilter::list)
    GTEST_SKIP() << "no v1 devices controller on this machine";
  auto cgroup = Cgroup::create(layout, test_path("devices"));
  cgroup.apply(plan_limits(layout, {.devices = default_device_rules()}));
  EXPECT_EQ(exit_code(start_inside(cgroup, try_devices)), 0);
}

TEST(Cgroup, DeviceRulesAreFeltOnV2) {
  const auto layout = read_layout();
  ASSERT_NE(layout.unified(), nullptr) << "these tests want a cgroup2 mount";
  const auto path = test_path("program");
  const auto cgroup = Cgroup::create(layout, path);
  EXPECT_TRUE(can_load_device_program());
  attach_device_rules(cgroup.open_unified(), default_device_rules());
  EXPECT_EQ(exit_code(start_inside(cgroup, try_devices)), 0);
  // Everything forbidden: not even null.
  const auto nothing = Cgroup::create(layout, path + "-nothing");
  const std::vector<oci::DeviceRule> none = {{.allow = false, .read = true, .write = true, .mknod = true}};
  attach_device_rules(nothing.open_unified(), none);
  EXPECT_EQ(exit_code(start_inside(nothing, try_devices)), 1);
}

TEST(Cgroup, DeviceRulesByTheHundredPassTheVerifier) {
  const auto layout = read_layout();
  ASSERT_NE(layout.unified(), nullptr) << "these tests want a cgroup2 mount";
  const auto cgroup = Cgroup::create(layout, test_path("many"));
  auto rules = default_device_rules();
  for (std::uint32_t i = 0; i < 300; ++i)
    rules.push_back({.allow = i % 3 != 0,
                     .type = i % 2 ? 'c' : 'b',
                     .major = 200 + i,
                     .minor = i % 5 ? std::optional(i) : std::nullopt,
                     .read = true,
                     .write = i % 7 == 0,
                     .mknod = i % 11 == 0});
  attach_device_rules(cgroup.open_unified(), rules);
  EXPECT_EQ(exit_code(start_inside(cgroup, try_devices)), 0);
}

}  // namespace
}  // namespace tare::cgroup
