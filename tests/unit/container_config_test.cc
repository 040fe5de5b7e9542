#include "engine/container_config.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>

namespace tare::engine {
namespace {

ContainerFacts facts(cgroup::DeviceFilter filter = cgroup::DeviceFilter::list) {
  return {.id = ContainerId(std::string(64, 'a')),
          .directory = HostPath("/c"),
          .root = {.path = HostPath("/c/rootfs"),
                   .lower = {HostPath("/srv")},
                   .upper = HostPath("/c/upper"),
                   .work = HostPath("/c/work")},
          .identity = {.user = {}, .home = "/root"},
          .host_name = "harbour",
          .open_files = RLIM_INFINITY,
          .device_filter = filter};
}

std::vector<std::string> destinations(const oci::RuntimeConfig& config) {
  std::vector<std::string> paths;
  paths.reserve(config.mounts.size());
  for (const auto& mount : config.mounts) paths.push_back(mount.type + " " + mount.destination.value);
  return paths;
}

std::ptrdiff_t place_of(const oci::RuntimeConfig& config, const std::string& mount) {
  const auto all = destinations(config);
  const auto found = std::ranges::find(all, mount);
  return found == all.end() ? -1 : found - all.begin();
}

TEST(ContainerConfig, MountsOuterPathsBeforeInnerOnesWhoeverAskedForThem) {
  RunOptions options;
  options.binds = {parse_bind("/h:/a/b/c"), parse_bind("/h:/a"), parse_bind("/h:/sys/fs/cgroup/x")};
  options.tmpfs = {parse_tmpfs("/a/b"), parse_tmpfs("/dev/shm"), parse_tmpfs("/etc")};
  const auto config = make_config(options, facts());
  EXPECT_LT(place_of(config, "bind /a"), place_of(config, "tmpfs /a/b"));
  EXPECT_LT(place_of(config, "tmpfs /a/b"), place_of(config, "bind /a/b/c"));
  EXPECT_LT(place_of(config, "tmpfs /dev"), place_of(config, "tmpfs /dev/shm"));
  EXPECT_LT(place_of(config, "tmpfs /etc"), place_of(config, "bind /etc/hosts"));
  EXPECT_LT(place_of(config, "cgroup /sys/fs/cgroup"), place_of(config, "bind /sys/fs/cgroup/x"));
}

TEST(ContainerConfig, LetsAMountOfTheUsersTakeTheStandardOnesPlace) {
  RunOptions options;
  options.binds = {parse_bind("/h:/dev/shm"), parse_bind("/my/hosts:/etc/hosts")};
  const auto config = make_config(options, facts());
  EXPECT_EQ(std::ranges::count(config.mounts, ContainerPath("/dev/shm"), &oci::Mount::destination), 1);
  EXPECT_GE(place_of(config, "bind /dev/shm"), 0);
  const auto hosts = std::ranges::find(config.mounts, ContainerPath("/etc/hosts"), &oci::Mount::destination);
  EXPECT_EQ(hosts->source, "/my/hosts");
}

TEST(ContainerConfig, PutsNoStandardMountIntoADirectoryThatTheUserBinds) {
  RunOptions options;
  options.binds = {parse_bind("/h:/dev"), parse_bind("/h:/sys")};
  const auto config = make_config(options, facts());
  for (const char* mount :
       {"devpts /dev/pts", "tmpfs /dev/shm", "mqueue /dev/mqueue", "cgroup /sys/fs/cgroup"})
    EXPECT_EQ(place_of(config, mount), -1) << mount;
}

TEST(ContainerConfig, KeepsWhatBelongsInsideATmpfsOfTheUsers) {
  RunOptions options;
  options.tmpfs = {parse_tmpfs("/dev:dev")};
  const auto config = make_config(options, facts());
  EXPECT_LT(place_of(config, "tmpfs /dev"), place_of(config, "devpts /dev/pts"));
}

TEST(ContainerConfig, LetsTheLastVariableOfANameWin) {
  RunOptions options;
  options.terminal = true;
  options.environment = {"A=1", "PATH=/x", "A=2", "TERM=dumb", "PATHS=y", "EMPTY="};
  const std::vector<std::string> expected = {
      "PATH=/x", "HOSTNAME=aaaaaaaaaaaa", "TERM=dumb", "HOME=/root", "A=2", "PATHS=y", "EMPTY="};
  EXPECT_EQ(make_config(options, facts()).process.env, expected);
}

TEST(ContainerConfig, ShowsTheHostsNameOnItsNetworkUnlessOneIsGiven) {
  RunOptions options;
  options.network = Network::host;
  EXPECT_EQ(make_config(options, facts()).hostname, "harbour");
  options.hostname = "mine";
  EXPECT_EQ(make_config(options, facts()).hostname, "mine");
}

TEST(ContainerConfig, TakesTheRightToMakeNodesWhereNothingFiltersDevices) {
  const auto filtered = make_config({}, facts());
  EXPECT_TRUE(filtered.process.capabilities.effective >> CAP_MKNOD & 1);
  EXPECT_FALSE(filtered.root.no_devices);
  EXPECT_FALSE(filtered.resources.devices.empty());
  const auto open = make_config({}, facts(cgroup::DeviceFilter::none));
  for (const auto set : {open.process.capabilities.effective, open.process.capabilities.permitted,
                         open.process.capabilities.bounding})
    EXPECT_FALSE(set >> CAP_MKNOD & 1);
  EXPECT_TRUE(open.root.no_devices);
  EXPECT_TRUE(open.resources.devices.empty());
}

TEST(ContainerConfig, GivesNothingInheritableAndNothingThatRulesTheMachine) {
  const auto capabilities = make_config({}, facts()).process.capabilities;
  EXPECT_EQ(capabilities.inheritable, 0U);
  EXPECT_EQ(capabilities.ambient, 0U);
  for (const int one : {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_MODULE, CAP_DAC_READ_SEARCH,
                        CAP_SYS_RESOURCE, CAP_BPF})
    EXPECT_FALSE(capabilities.bounding >> one & 1) << one;
}

TEST(ContainerConfig, LimitsOpenFilesByWhatTheCallerMayGiveAndByWhatIsAskedFor) {
  const auto limit = [](const RunOptions& options, const ContainerFacts& known) {
    const auto limits = make_config(options, known).process.rlimits;
    EXPECT_EQ(std::ranges::count(limits, RLIMIT_NOFILE, &oci::Rlimit::resource), 1);
    const auto found = std::ranges::find(limits, RLIMIT_NOFILE, &oci::Rlimit::resource);
    return std::pair(found->soft, found->hard);
  };
  ContainerFacts known = facts();
  EXPECT_EQ(limit({}, known), std::pair(default_open_files, default_open_files_at_most));
  known.open_files = 4096;
  EXPECT_EQ(limit({}, known), std::pair(default_open_files, std::uint64_t{4096}));
  known.open_files = 100;
  EXPECT_EQ(limit({}, known), std::pair(std::uint64_t{100}, std::uint64_t{100}));
  RunOptions options;
  options.limits = {parse_limit("nofile=1:2"), parse_limit("nofile=5:6")};
  EXPECT_EQ(limit(options, known), std::pair(std::uint64_t{5}, std::uint64_t{6}));
}

TEST(ContainerConfig, PutsTheEntrypointBeforeTheCommandAndRunsAShellIfThereIsNeither) {
  RunOptions options;
  EXPECT_EQ(make_config(options, facts()).process.args, std::vector<std::string>{"/bin/sh"});
  options.entrypoint = {{"greet"}};
  options.command = {"all", ""};
  EXPECT_EQ(make_config(options, facts()).process.args, (std::vector<std::string>{"greet", "all", ""}));
  options.entrypoint.emplace();
  EXPECT_EQ(make_config(options, facts()).process.args, (std::vector<std::string>{"all", ""}));
}

TEST(ContainerConfig, HangsTheCgroupBelowTheParentHoweverThatIsWritten) {
  RunOptions options;
  const ContainerId id("f");
  for (const char* parent : {"batch", "/batch", "/batch/", "batch//"}) {
    options.cgroup_parent = parent;
    EXPECT_EQ(cgroup_path(options, id), "/batch/tare-f") << parent;
  }
  for (const char* parent : {"", "/"}) {
    options.cgroup_parent = parent;
    EXPECT_EQ(cgroup_path(options, id), "/tare-f") << parent;
  }
}

TEST(ContainerConfig, IsVolatileOnlyWhereTheLayerIsThrownAway) {
  RunOptions options;
  EXPECT_FALSE(make_config(options, facts()).root.is_volatile);
  options.remove = true;
  EXPECT_TRUE(make_config(options, facts()).root.is_volatile);
  ContainerFacts known = facts();
  known.root = {.path = HostPath("/srv"), .lower = {}, .upper = {}, .work = {}};
  EXPECT_FALSE(make_config(options, known).root.is_volatile);
}

TEST(ContainerConfig, NamesTheContainerInItsHostsFileAndTakesTheHostsOwnOnItsNetwork) {
  RunOptions options;
  const auto own = make_etc_files(options, "web", "host hosts\n", "nameserver 1.1.1.1\n");
  ASSERT_EQ(own.size(), 3U);
  EXPECT_NE(own[0].text.find("127.0.1.1\tweb\n"), std::string::npos);
  EXPECT_EQ(own[1].text, "web\n");
  EXPECT_EQ(own[2].text, "nameserver 1.1.1.1\n");
  options.network = Network::host;
  EXPECT_EQ(make_etc_files(options, "web", "host hosts\n", "")[0].text, "host hosts\n");
}

}  // namespace
}  // namespace tare::engine
