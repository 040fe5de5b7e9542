#include "engine/commit.h"

#include <gtest/gtest.h>

using namespace tare;

namespace {

using Words = std::vector<std::string>;

TEST(Commit, TheContainersWordsCountAndTheImagesWhereItHasNone) {
  oci::ImageDefaults image;
  image.user = "web";
  image.exposed_ports = {"80/tcp"};
  image.volumes = {"/data"};
  image.on_build = {"RUN x"};
  image.labels = {{"old", "1"}};
  image.shell = {"/bin/ash", "-c"};
  engine::RunOptions options;
  options.user = "0:0";
  options.working_directory = ContainerPath("/srv");
  options.environment = {"A=1"};
  options.entrypoint = Words{"/entry"};
  options.command = {"serve"};
  options.labels = {"old=1", "kind=a=b", "empty", "kind=c"};
  options.stop_signal = "SIGINT";
  engine::Bind anonymous, named;
  anonymous.destination = ContainerPath("/cache");
  anonymous.is_volume = anonymous.anonymous = true;
  named.destination = ContainerPath("/named");
  named.is_volume = true;
  options.binds = {anonymous, named};

  const auto defaults = engine::committed_defaults(options, image);
  EXPECT_EQ(defaults.user, "0:0");
  EXPECT_EQ(defaults.working_directory, "/srv");
  EXPECT_EQ(defaults.environment, Words{"A=1"});
  EXPECT_EQ(defaults.entrypoint, Words{"/entry"});
  EXPECT_EQ(defaults.command, Words{"serve"});
  EXPECT_EQ(defaults.labels,
            (std::map<std::string, std::string>{{"old", "1"}, {"kind", "c"}, {"empty", ""}}));
  EXPECT_EQ(defaults.stop_signal, "SIGINT");
  EXPECT_EQ(defaults.volumes, (Words{"/cache", "/data"}));
  EXPECT_EQ(defaults.exposed_ports, Words{"80/tcp"});
  EXPECT_EQ(defaults.shell, (Words{"/bin/ash", "-c"}));
  EXPECT_EQ(defaults.on_build, Words{});
}

}  // namespace
