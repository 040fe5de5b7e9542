#include "runtime/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "base/error.h"

namespace tare::runtime {
namespace {

TEST(MountOptions, LetTheLastOfTwoThatContradictWin) {
  const auto closed = parse_mount_options({"ro", "rw", "noexec", "exec", "noexec"});
  EXPECT_EQ(closed.set, static_cast<std::uint64_t>(MOUNT_ATTR_NOEXEC));
  EXPECT_EQ(closed.clear, static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
}

TEST(MountOptions, KnowTimesAsOneFieldOfTheKernel) {
  for (const auto& [name, value] : {std::pair{"noatime", std::uint64_t{MOUNT_ATTR_NOATIME}},
                                    {"strictatime", std::uint64_t{MOUNT_ATTR_STRICTATIME}},
                                    {"relatime", std::uint64_t{0}}}) {
    const auto parsed = parse_mount_options({"noatime", "strictatime", name});
    EXPECT_EQ(parsed.set, value) << name;
    EXPECT_EQ(parsed.set & parsed.clear & ~std::uint64_t{MOUNT_ATTR__ATIME}, 0U) << name;
  }
}

TEST(MountOptions, LeaveTheRestToTheFileSystem) {
  const auto parsed =
      parse_mount_options({"defaults", "size=1m", "newinstance", "a=b=c", "rbind", "rprivate", "z"});
  const std::vector<std::string> expected = {filesystem_option("size", "1m"), "!newinstance",
                                             filesystem_option("a", "b=c")};
  EXPECT_EQ(parsed.filesystem, expected);
  EXPECT_EQ(expected[0], std::string("=size\0"
                                     "1m",
                                     8));
  EXPECT_TRUE(parsed.recursive);
  EXPECT_EQ(parsed.set | parsed.clear, 0U);
}

TEST(MountOptions, RefuseToShareMountsWithTheHost) {
  for (const char* option : {"shared", "rshared", "slave", "rslave", "unbindable", "runbindable"}) try {
      parse_mount_options({option});
      FAIL() << option;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_NE(error.text().find(option), std::string::npos);
    }
}

}  // namespace
}  // namespace tare::runtime
