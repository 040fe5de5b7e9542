#include "engine/image_defaults.h"

#include <gtest/gtest.h>

#include "base/error.h"

using namespace tare;
using engine::RunOptions;

namespace {

using Words = std::vector<std::string>;

oci::ImageDefaults image() {
  oci::ImageDefaults image;
  image.user = "web";
  image.working_directory = "/srv";
  image.stop_signal = "SIGQUIT";
  image.environment = {"A=image", "B=image"};
  image.entrypoint = {"/entry", "-x"};
  image.command = {"serve"};
  image.labels = {{"a", "1"}, {"b", "2"}};
  image.volumes = {"/data", "/cache/"};
  return image;
}

TEST(ImageDefaults, CountWhereTheUserSaysNothing) {
  RunOptions options;
  options.working_directory = ContainerPath("");
  engine::apply_image_defaults(options, image());
  EXPECT_EQ(options.user, "web");
  EXPECT_EQ(options.working_directory.value, "/srv");
  EXPECT_EQ(options.stop_signal, "SIGQUIT");
  EXPECT_EQ(options.environment, (Words{"A=image", "B=image"}));
  EXPECT_EQ(options.entrypoint, (Words{"/entry", "-x"}));
  EXPECT_EQ(options.command, Words{"serve"});
  EXPECT_EQ(options.labels, (Words{"a=1", "b=2"}));
}

TEST(ImageDefaults, GiveWayToTheUser) {
  RunOptions options;
  options.user = "0";
  options.working_directory = ContainerPath("/");
  options.stop_signal = "SIGTERM";
  options.environment = {"B=mine", "C"};
  options.labels = {"b=3"};
  options.command = {"sh"};
  engine::apply_image_defaults(options, image());
  EXPECT_EQ(options.user, "0");
  EXPECT_EQ(options.working_directory.value, "/");
  EXPECT_EQ(options.stop_signal, "SIGTERM");
  EXPECT_EQ(options.environment, (Words{"A=image", "B=mine", "C"}));
  EXPECT_EQ(options.labels, (Words{"a=1", "b=3"}));
  EXPECT_EQ(options.entrypoint, (Words{"/entry", "-x"}));
  EXPECT_EQ(options.command, Words{"sh"});
}

TEST(ImageDefaults, CommandGoesWithItsEntrypoint) {
  RunOptions options;
  options.entrypoint = Words{"/mine"};
  engine::apply_image_defaults(options, image());
  EXPECT_EQ(options.entrypoint, Words{"/mine"});
  EXPECT_EQ(options.command, Words());
  options = {};
  options.entrypoint = Words();  // --entrypoint ""
  EXPECT_THROW(engine::apply_image_defaults(options, image()), Error);
  options.command = {"sh"};
  engine::apply_image_defaults(options, image());
  EXPECT_EQ(options.command, Words{"sh"});
  options = {};
  EXPECT_THROW(engine::apply_image_defaults(options, oci::ImageDefaults()), Error);
}

TEST(ImageDefaults, VolumesAreMadeWhereNothingIsMounted) {
  RunOptions options;
  options.binds.push_back(engine::parse_bind("/tmp:/data"));
  engine::add_image_volumes(options, image());
  ASSERT_EQ(options.binds.size(), 2u);
  EXPECT_EQ(options.binds[1].destination.value, "/cache");
  EXPECT_TRUE(options.binds[1].anonymous);
}

TEST(ImageDefaults, VolumeIsAPathWhateverIsInIt) {
  RunOptions options;
  oci::ImageDefaults image;
  image.volumes = {"/etc:/x", "/a:/b:shared", "name:/c"};
  EXPECT_THROW(engine::add_image_volumes(options, image), Error);  // the last one is relative
  image.volumes.pop_back();
  options = {};
  engine::add_image_volumes(options, image);
  ASSERT_EQ(options.binds.size(), 2u);
  for (const auto& bind : options.binds) {
    EXPECT_TRUE(bind.is_volume && bind.anonymous);
    EXPECT_EQ(bind.source, "");
    EXPECT_EQ(bind.options, Words{"rbind"});
  }
  EXPECT_EQ(options.binds[0].destination.value, "/etc:/x");
  image.volumes.assign(201, "/v");
  EXPECT_THROW(engine::add_image_volumes(options, image), Error);
}

}  // namespace
