#include "runtime/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

namespace tare::runtime {
namespace {

TEST(MountOptions, LetTheLastOfTwoThatContradictWin) {
  const auto closed = parse_mount_options({"ro", "rw", "noexec", "exec", "noexec"});
  EXPECT_EQ(closed.top.set, static_cast<std::uint64_t>(MOUNT_ATTR_NOEXEC));
  EXPECT_EQ(closed.top.clear, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
}

TEST(MountOptions, KnowTimesAsOneFieldOfTheKernel) {
  for (const auto& [name, value] : {std::pair{"noatime", std::uint64_t{MOUNT_ATTR_NOATIME}},
                                    {"strictatime", std::uint64_t{MOUNT_ATTR_STRICTATIME}},
                                    {"relatime", std::uint64_t{0}}}) {
    const auto parsed = parse_mount_options({"noatime", "strictatime", name});
    EXPECT_EQ(parsed.top.set, value) << name;
    EXPECT_EQ(parsed.top.set & parsed.top.clear & ~std::uint64_t{MOUNT_ATTR__ATIME}, 0U) << name;
  }
}

TEST(MountOptions, LeaveTheRestToTheFileSystem) {
  const auto parsed = parse_mount_options({"defaults", "size=1m", "newinstance", "a=b=c", "rbind", "z"});
  const std::vector<std::string> expected = {filesystem_option("size", "1m"), "!newinstance",
                                             filesystem_option("a", "b=c")};
  EXPECT_EQ(parsed.filesystem, expected);
  EXPECT_EQ(expected[0], std::string("=size\0"
                                     "1m",
                                     8));
  EXPECT_TRUE(parsed.recursive);
  EXPECT_EQ(parsed.top.set | parsed.top.clear, 0U);
}

TEST(MountOptions, PassOverWhatSaysNothing) {
  const auto parsed = parse_mount_options({"", "defaults"});
  EXPECT_TRUE(parsed.filesystem.empty());
}

TEST(MountOptions, KeepPropagationsInTheirOrder) {
  const auto parsed = parse_mount_options({"rslave", "ro", "shared"});
  EXPECT_EQ(parsed.propagation, (std::vector<std::uint64_t>{MS_REC | MS_SLAVE, MS_SHARED}));
  EXPECT_EQ(propagation_of("runbindable"), MS_REC | std::uint64_t{MS_UNBINDABLE});
  EXPECT_EQ(propagation_of("ro"), 0U);
}

TEST(MountOptions, TellAMountFromAllBelowIt) {
  const auto parsed = parse_mount_options({"nosuid", "rro", "rnoatime", "rrw"});
  EXPECT_EQ(parsed.top, (MountChange{.set = MOUNT_ATTR_NOSUID, .clear = 0}));
  EXPECT_EQ(parsed.all.set, static_cast<std::uint64_t>(MOUNT_ATTR_NOATIME));
  EXPECT_EQ(parsed.all.clear, static_cast<std::uint64_t>(MOUNT_ATTR__ATIME | MOUNT_ATTR_RDONLY));
}

}  // namespace
}  // namespace tare::runtime
