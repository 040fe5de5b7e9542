// From what a bundle's config.json says to what is meant.
#include "runtime/bundle.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cgroup/devices.h"
#include "runtime/state_dir.h"
#include "sys/file.h"
#include "temporary_directory.h"

namespace tare::runtime {
namespace {

TEST(Bundle, TheCgroupIsAtTheConfigsPathOrAtOneOfItsOwn) {
  EXPECT_EQ(cgroup_path("", "web"), "/tare-runtime-web");
  EXPECT_EQ(cgroup_path("/a/b", "web"), "/a/b");
  EXPECT_EQ(cgroup_path("a//./b/", "web"), "/a/b");
  EXPECT_THROW(cgroup_path("/a/../b", "web"), Error);
  EXPECT_THROW(cgroup_path("/", "web"), Error);
}

TEST(Bundle, EveryContainerHasTheDefaultDevicesAndTheConfigsOwnWin) {
  const TemporaryDirectory directory;
  sys::make_directory(sys::here, directory.path() + "/rootfs");
  oci::RuntimeConfig config;
  config.root.path = HostPath("rootfs");
  config.devices.push_back({.path = ContainerPath("/dev/null"), .major = 1, .minor = 3, .mode = 0600});
  config.resources.devices.push_back({.allow = true, .type = 'c', .major = 1, .minor = 1, .read = true});
  complete_config(config, HostPath(directory.path()), "id");
  const auto is_null = [](const oci::DeviceNode& node) { return node.path.value == "/dev/null"; };
  EXPECT_EQ(std::ranges::count_if(config.devices, is_null), 1);
  EXPECT_EQ(std::ranges::find_if(config.devices, is_null)->mode, 0600U);
  EXPECT_EQ(config.devices.size(), 6U);
  const auto list = cgroup::to_device_list(config.resources.devices);
  EXPECT_FALSE(list.allow_by_default);
  EXPECT_EQ(list.exceptions.size(), cgroup::default_device_rules().size());  // one more, less "deny all"
}

TEST(Bundle, AMountIsABindIfAnOptionSaysSoAndItsSourceIsRelativeToTheBundle) {
  const TemporaryDirectory directory;
  sys::make_directory(sys::here, directory.path() + "/rootfs");
  oci::RuntimeConfig config;
  config.root.path = HostPath("rootfs");
  config.mounts.push_back({ContainerPath("data"), "none", "data", {"rbind", "ro"}});
  complete_config(config, HostPath(directory.path()), "id");
  EXPECT_EQ(config.mounts[0].type, "bind");
  EXPECT_EQ(config.mounts[0].source, directory.path() + "/data");
  EXPECT_EQ(config.mounts[0].destination.value, "/data");
}

TEST(Bundle, ARootThatIsASymlinkIsRefused) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::symlink("/", (directory.path() + "/rootfs").c_str()), 0);
  oci::RuntimeConfig config;
  config.root.path = HostPath("rootfs");
  EXPECT_THROW(complete_config(config, HostPath(directory.path()), "id"), Error);
}

TEST(Bundle, HomeComesFromTheContainersOwnPasswdOnlyIfItIsMissing) {
  const TemporaryDirectory directory;
  sys::make_directory(sys::here, directory.path() + "/etc");
  sys::create_file(sys::here, directory.path() + "/etc/passwd",
                   "broken\nroot:x:0:0::/root:/bin/sh\nme:x:7:7:::\nyou:x:8:8::/home/you:/bin/sh");
  const auto home_of = [&](std::uint32_t uid, std::vector<std::string> env) {
    oci::Process process;
    process.user.uid = uid;
    process.env = std::move(env);
    add_home(process, HostPath(directory.path()));
    return process.env;
  };
  using Env = std::vector<std::string>;
  EXPECT_EQ(home_of(0, {}), Env{"HOME=/root"});
  EXPECT_EQ(home_of(0, {"HOME="}), Env{"HOME=/root"});
  EXPECT_EQ(home_of(0, {"HOME=/x"}), Env{"HOME=/x"});
  EXPECT_EQ(home_of(7, {}), Env{"HOME=/"});
  EXPECT_EQ(home_of(8, {}), Env{"HOME=/home/you"});
  EXPECT_EQ(home_of(9, {}), Env{"HOME=/"});
}

TEST(StateDirectory, AStateIsReadAsItWasWritten) {
  const TemporaryDirectory directory;
  const HostPath root(directory.path() + "/a/b");
  const auto made = StateDirectory::claim(root, "web");
  EXPECT_FALSE(made.try_read());
  made.write({.id = "web",
              .bundle = "/bundle",
              .rootfs = "/bundle/rootfs",
              .pid = 1,
              .start_ticks = 2,
              .boot = "b",
              .created = {.seconds = 3},
              .owner = 0,
              .cgroup = "/c",
              .freezer = "/f",
              .own_pids = false,
              .annotations = {{"key", "value"}}});
  const auto read = StateDirectory::open(root, "web").try_read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bundle, "/bundle");
  EXPECT_EQ(read->created.seconds, 3);
  EXPECT_EQ(read->cgroup, "/c");
  EXPECT_FALSE(read->own_pids);
  EXPECT_EQ(read->annotations.at(0).second, "value");
  // Pid 1 began at another time and in another boot.
  EXPECT_EQ(made.status(read), Status::stopped);
  EXPECT_EQ(list_ids(root), std::vector<std::string>{"web"});
}

TEST(StateDirectory, AnIdIsTakenOnceAndOneHalfMadeIsBeingCreatedWhileItsMakerLives) {
  const TemporaryDirectory directory;
  const HostPath root(directory.path());
  {
    auto made = StateDirectory::claim(root, "web");
    EXPECT_THROW(StateDirectory::claim(root, "web"), Error);
    EXPECT_EQ(StateDirectory::open(root, "web").status({}), Status::creating);
  }
  auto left = StateDirectory::open(root, "web");
  EXPECT_EQ(left.status({}), Status::stopped);
  left.remove();
  EXPECT_FALSE(StateDirectory::try_open(root, "web"));
  EXPECT_THROW(StateDirectory::open(root, "web"), Error);
}

TEST(StateDirectory, IdsAreLettersDigitsAndFourOthers) {
  for (const char* good : {"a", "a.b", "A_b+c-9", "...", "-x"}) EXPECT_NO_THROW(check_id(good)) << good;
  for (const char* bad : {"", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4"})
    EXPECT_THROW(check_id(bad), Error) << bad;
}

}  // namespace
}  // namespace tare::runtime
