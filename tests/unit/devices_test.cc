// Devices given by name: the option's forms, and what is behind a name on the host.
#include "engine/devices.h"

#include <functional>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "cgroup/devices.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

std::string words(const Device& device) {
  return device.host + " " + device.container.value + " " + device.access;
}

TEST(ParseDevice, ReadsItsThreeParts) {
  EXPECT_EQ(words(parse_device("/dev/fuse")), "/dev/fuse /dev/fuse rwm");
  EXPECT_EQ(words(parse_device("/dev/sda:/dev/xvdc")), "/dev/sda /dev/xvdc rwm");
  EXPECT_EQ(words(parse_device("/dev/sda:/dev/xvdc:r")), "/dev/sda /dev/xvdc r");
  EXPECT_EQ(words(parse_device("/dev/sda:rw")), "/dev/sda /dev/sda rw");
  EXPECT_EQ(words(parse_device("/dev/sda::mr")), "/dev/sda /dev/sda mr");
  EXPECT_EQ(words(parse_device("/dev/snd/:/dev//sound/.")), "/dev/snd/ /dev/sound rwm");
}

TEST(ParseDevice, RefusesOtherFormsInDockersWords) {
  EXPECT_EQ(refusal([] { parse_device(""); }), "invalid device specification: ");
  EXPECT_EQ(refusal([] { parse_device("/a:/b:r:w"); }), "invalid device specification: /a:/b:r:w");
  for (const char* access : {"x", "rr", "rwmr", "R", ""})
    EXPECT_EQ(refusal([&] { parse_device("/dev/sda:/dev/sda:" + std::string(access)); }),
              "bad mode specified: " + std::string(access));
  EXPECT_EQ(refusal([] { parse_device("/dev/sda:sdb"); }), "the device \"sdb\" is not an absolute path");
  EXPECT_EQ(refusal([] { parse_device("sda"); }), "the device \"sda\" is not an absolute path");
  EXPECT_EQ(refusal([] { parse_device("vendor.com/gpu=all"); }),
            "\"vendor.com/gpu=all\" names a CDI device, which is not supported");
}

TEST(ParseDeviceRule, ReadsTheKernelsNotation) {
  for (const char* rule : {"c 1:3 rwm", "b 8:* rw", "a *:* rwm", "c *:* m", "c 4294967295:0 r"})
    EXPECT_EQ(cgroup::to_text(parse_device_rule(rule)), rule);
  EXPECT_EQ(cgroup::to_text(parse_device_rule("c 1:3 mr")), "c 1:3 rm");
  EXPECT_TRUE(parse_device_rule("c 1:3 r").allow);
}

TEST(ParseDeviceRule, RefusesOtherForms) {
  for (const char* rule :
       {"", "c", "c 1:3", "c 1:3 ", "d 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 rr", "c  1:3 r", "c 1:3  r",
        "c -1:3 r", "c 1:4294967296 r", "cc 1:3 r", "c 1:3 r ", "c 1:3: r", "c :3 r"})
    EXPECT_EQ(refusal([&] { parse_device_rule(rule); }),
              "invalid device cgroup format '" + std::string(rule) + "'");
}

class Devices : public testing::Test {
 protected:
  void make_node(const std::string& name, mode_t mode, dev_t device) {
    ASSERT_EQ(::mknod((dev_ / name).c_str(), mode, device), 0) << "needs root";
    ASSERT_EQ(::chmod((dev_ / name).c_str(), mode & 07777), 0);
  }
  Device device(const std::string& name, const char* container, const char* access = "rwm") {
    return {.host = dev_ / name, .container = ContainerPath(container), .access = access};
  }
  TemporaryDirectory dev_;
};

TEST_F(Devices, AreFoundWithTheHostsModeAndOwner) {
  make_node("disk", S_IFBLK | 0640, makedev(8, 3));
  ASSERT_EQ(::chown((dev_ / "disk").c_str(), 12, 6), 0);
  const FoundDevices found = find_devices({device("disk", "/dev/xvdc", "r")});
  ASSERT_EQ(found.nodes.size(), 1U);
  const oci::DeviceNode& node = found.nodes[0];
  EXPECT_EQ(node.path.value, "/dev/xvdc");
  EXPECT_EQ(node.source, dev_ / "disk");
  EXPECT_EQ(node.type, 'b');
  EXPECT_EQ(node.major, 8U);
  EXPECT_EQ(node.minor, 3U);
  EXPECT_EQ(node.mode, 0640U);
  EXPECT_EQ(node.uid, 12U);
  EXPECT_EQ(node.gid, 6U);
  ASSERT_EQ(found.rules.size(), 1U);
  EXPECT_EQ(cgroup::to_text(found.rules[0]), "b 8:3 r");
  EXPECT_TRUE(found.rules[0].allow);
}

TEST_F(Devices, BehindASymlinkAreWhatItLeadsTo) {
  make_node("null", S_IFCHR | 0666, makedev(1, 3));
  ASSERT_EQ(::symlink("null", (dev_ / "link").c_str()), 0);
  const FoundDevices found = find_devices({device("link", "/dev/link")});
  ASSERT_EQ(found.nodes.size(), 1U);
  EXPECT_EQ(found.nodes[0].path.value, "/dev/link");
  EXPECT_EQ(found.nodes[0].source, dev_ / "null");
}

TEST_F(Devices, InADirectoryAreAllFound) {
  sys::make_directories(dev_.fd(), "snd/by-path");
  make_node("snd/control", S_IFCHR | 0660, makedev(116, 0));
  make_node("snd/by-path/card", S_IFCHR | 0660, makedev(116, 1));
  dev_.put("snd/text", "not a device");
  const FoundDevices found = find_devices({device("snd", "/dev/sound", "rw")});
  ASSERT_EQ(found.nodes.size(), 2U);
  EXPECT_EQ(found.nodes[0].path.value, "/dev/sound/by-path/card");
  EXPECT_EQ(found.nodes[1].path.value, "/dev/sound/control");
  EXPECT_EQ(found.nodes[1].source, dev_ / "snd/control");
  ASSERT_EQ(found.rules.size(), 2U);
  EXPECT_EQ(cgroup::to_text(found.rules[1]), "c 116:0 rw");
}

TEST_F(Devices, AtOnePlaceTheLastCounts) {
  make_node("null", S_IFCHR | 0666, makedev(1, 3));
  make_node("zero", S_IFCHR | 0666, makedev(1, 5));
  const FoundDevices found = find_devices({device("null", "/dev/x"), device("zero", "/dev/x")});
  ASSERT_EQ(found.nodes.size(), 1U);
  EXPECT_EQ(found.nodes[0].minor, 5U);
}

TEST_F(Devices, ThatAreNotThereAreSaidByName) {
  dev_.put("file", "text");
  sys::make_directories(dev_.fd(), "empty");
  const auto beginning = [&](const char* name) {
    return "error gathering device information while adding custom device \"" + (dev_ / name) + "\": ";
  };
  EXPECT_EQ(refusal([&] { find_devices({device("none", "/dev/x")}); }),
            beginning("none") + "No such file or directory");
  EXPECT_EQ(refusal([&] { find_devices({device("file", "/dev/x")}); }),
            beginning("file") + "not a device node");
  EXPECT_EQ(refusal([&] { find_devices({device("empty", "/dev/x")}); }),
            beginning("empty") + "not a device node");
}

}  // namespace
}  // namespace tare::engine
