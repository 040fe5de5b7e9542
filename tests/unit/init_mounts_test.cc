// Tare-init's operations on mounts, on the real kernel.
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using namespace std::string_literals;
using plan::Kind;

constexpr std::int32_t mount_slot = 1, dev_slot = 2, null_slot = 3, empty_slot = 4;

class Mounts : public RootedOperations {
 public:
  long make_tmpfs(std::int32_t into, std::uint64_t attributes = 0,
                  const std::vector<std::string>& options = {}) {
    std::vector<const char*> list;
    list.reserve(options.size() + 1);
    for (const auto& option : options) list.push_back(option.c_str());
    list.push_back(nullptr);
    return perform(
        {.kind = Kind::new_filesystem, .into = into, .a = attributes, .text = "tmpfs", .list = list.data()});
  }
  long attach(const char* path, std::uint32_t flags = 0, std::int32_t slot = mount_slot) {
    return perform({.kind = Kind::attach, .flags = flags, .slot = slot, .path = path});
  }
  long clone_tree(const char* host_path, bool whole = false) {
    return perform({.kind = Kind::clone_tree, .into = mount_slot, .a = whole, .path = host_path});
  }
  void make_device_for_masks() {
    EXPECT_EQ(perform({.kind = Kind::make_node,
                       .slot = 0,
                       .into = null_slot,
                       .a = S_IFCHR | 0666,
                       .b = makedev(1, 3),
                       .text = "null"}),
              0);
    EXPECT_EQ(make_tmpfs(empty_slot, MOUNT_ATTR_RDONLY), 0);
  }
  long mask(const char* path, std::uint32_t flags = plan::no_symlinks) {
    return perform({.kind = Kind::mask, .flags = flags, .slot = empty_slot, .into = null_slot, .path = path});
  }
};

void on_root(const std::function<void(Mounts&)>& act) {
  in_child(CLONE_NEWNS, [&] {
    ::umask(0);
    Mounts mounts;
    act(mounts);
  });
}

unsigned long flags_of(const std::string& path) {
  struct statvfs status{};
  EXPECT_EQ(::statvfs(path.c_str(), &status), 0) << path;
  return status.f_flag;
}

dev_t device_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_dev;
}

int write_error(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

TEST(InitMounts, ANewFileSystemHasItsOptionsAndAttributes) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                                {"=source\0mine"s,
                                 "=mode\0"
                                 "711"s,
                                 "=size\0"
                                 "64k"s}),
              0);
    EXPECT_EQ(mounts.attach("/new/place", plan::create_target), 0);
    struct stat status{};
    EXPECT_EQ(::stat(in_root("/new/place").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0711U);
    EXPECT_EQ(flags_of(in_root("/new/place")) & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY),
              static_cast<unsigned long>(ST_NOSUID | ST_NODEV | ST_NOEXEC));
    struct statfs room{};
    EXPECT_EQ(::statfs(in_root("/new/place").c_str(), &room), 0);
    EXPECT_EQ(room.f_blocks * static_cast<unsigned long>(room.f_bsize), 64UL << 10);
  });
}

TEST(InitMounts, ANewFileSystemTakesFlags) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, 0, {"!ro"}), 0);
    EXPECT_EQ(mounts.attach("/ro", plan::create_target), 0);
    EXPECT_EQ(write_error(in_root("/ro/x")), EROFS);
  });
}

TEST(InitMounts, AFileSystemThatIsNotKnownOrNotSatisfiedIsAnError) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.perform({.kind = Kind::new_filesystem, .into = mount_slot, .text = "nonsense"}),
              -ENODEV);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, 0,
                                {"=nonsense\0"
                                 "1"s}),
              -EINVAL);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, 0, {"!nonsense"}), -EINVAL);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, 0, {"=size\0much"s}), -EINVAL);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot, 1ULL << 30), -EINVAL);
    EXPECT_EQ(mounts.slot(mount_slot), -1);
  });
}

TEST(InitMounts, AttachMakesADirectoryForADirectoryAndAFileForAFile) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir("/tmp/source", 0755), 0);
    write_text("/tmp/source/file", "from the host");
    EXPECT_EQ(mounts.clone_tree("/tmp/source"), 0);
    EXPECT_EQ(mounts.attach("/data/here", plan::create_target), 0);
    EXPECT_EQ(text_of(in_root("/data/here/file")), "from the host");
    EXPECT_EQ(mounts.clone_tree("/tmp/source/file"), 0);
    EXPECT_EQ(mounts.attach("/etc/deep/file", plan::create_target), 0);
    EXPECT_EQ(text_of(in_root("/etc/deep/file")), "from the host");
  });
}

TEST(InitMounts, AttachMakesNothingUnasked) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.make_tmpfs(mount_slot), 0);
    EXPECT_EQ(mounts.attach("/missing"), -ENOENT);
    EXPECT_FALSE(exists(in_root("/missing")));
  });
}

TEST(InitMounts, AttachPutsNoDirectoryOnAFileNorTheOtherWayRound) {
  on_root([](Mounts& mounts) {
    write_text(in_root("/file"), "");
    write_text("/tmp/source", "");
    EXPECT_EQ(::mkdir(in_root("/directory").c_str(), 0755), 0);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot), 0);
    EXPECT_EQ(mounts.attach("/file", plan::create_target), -ENOTDIR);
    EXPECT_EQ(mounts.clone_tree("/tmp/source"), 0);
    EXPECT_EQ(mounts.attach("/directory", plan::create_target), -ENOTDIR);
  });
}

TEST(InitMounts, AttachFollowsSymlinksInsideTheRootOrRefusesThem) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir("/tmp/target", 0755), 0);
    EXPECT_EQ(::symlink("/tmp/target", in_root("/link").c_str()), 0);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot), 0);
    EXPECT_EQ(mounts.attach("/link", plan::create_target | plan::no_symlinks), -ELOOP);
    EXPECT_EQ(mounts.attach("/link", plan::create_target), 0);
    EXPECT_NE(device_of(in_root("/tmp/target")), device_of(RootedOperations::root));
    EXPECT_EQ(device_of("/tmp/target"), device_of("/tmp"));
  });
}

TEST(InitMounts, ACloneHasTheMountsBelowItOnlyWhenAsked) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir("/tmp/tree", 0755), 0);
    EXPECT_EQ(::mkdir("/tmp/tree/inner", 0755), 0);
    EXPECT_EQ(::mount("tmpfs", "/tmp/tree/inner", "tmpfs", 0, nullptr), 0);
    write_text("/tmp/tree/inner/file", "");
    EXPECT_EQ(mounts.clone_tree("/tmp/tree", false), 0);
    EXPECT_EQ(mounts.attach("/one", plan::create_target), 0);
    EXPECT_FALSE(exists(in_root("/one/inner/file")));
    EXPECT_EQ(mounts.clone_tree("/tmp/tree", true), 0);
    EXPECT_EQ(mounts.attach("/all", plan::create_target), 0);
    EXPECT_TRUE(exists(in_root("/all/inner/file")));
    EXPECT_EQ(mounts.clone_tree("/tmp/missing"), -ENOENT);
  });
}

TEST(InitMounts, AttributesChangeOneMountOrAllBelowIt) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir("/tmp/tree", 0755), 0);
    EXPECT_EQ(::mkdir("/tmp/tree/inner", 0755), 0);
    EXPECT_EQ(::mount("tmpfs", "/tmp/tree/inner", "tmpfs", MS_NOSUID, nullptr), 0);
    EXPECT_EQ(mounts.clone_tree("/tmp/tree", true), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::set_attributes, .slot = mount_slot, .a = MOUNT_ATTR_RDONLY}), 0);
    EXPECT_EQ(mounts.attach("/at", plan::create_target), 0);
    EXPECT_EQ(write_error(in_root("/at/x")), EROFS);
    EXPECT_EQ(write_error(in_root("/at/inner/x")), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::set_attributes,
                              .flags = plan::recursive,
                              .slot = mount_slot,
                              .a = MOUNT_ATTR_RDONLY,
                              .b = MOUNT_ATTR_NOSUID}),
              0);
    EXPECT_EQ(write_error(in_root("/at/inner/x")), EROFS);
    EXPECT_FALSE(flags_of(in_root("/at/inner")) & ST_NOSUID);
    EXPECT_TRUE(flags_of("/tmp/tree/inner") & ST_NOSUID) << "the host's own stays as it is";
    EXPECT_EQ(write_error("/tmp/tree/x"), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::set_attributes, .slot = mount_slot, .a = 1ULL << 40}), -EINVAL);
  });
}

TEST(InitMounts, APropagationIsSetForTheWholeTree) {
  in_child(CLONE_NEWNS, [] {
    EXPECT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
    EXPECT_NE(text_of("/proc/self/mountinfo").find(" shared:"), std::string::npos);
    Operations operations;
    EXPECT_EQ(
        operations.perform(
            {.kind = Kind::set_propagation, .slot = plan::no_slot, .a = MS_REC | MS_PRIVATE, .path = "/"}),
        0);
    EXPECT_EQ(text_of("/proc/self/mountinfo").find(" shared:"), std::string::npos);
    EXPECT_EQ(
        operations.perform(
            {.kind = Kind::set_propagation, .slot = plan::no_slot, .a = MS_PRIVATE, .path = "/no/mount"}),
        -ENOENT);
  });
}

TEST(InitMounts, TheRootIsEnteredAndTheOldOneIsGone) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir("/tmp/hang", 0755), 0);
    write_text(in_root("/inside"), "");
    EXPECT_EQ(mounts.clone_tree(RootedOperations::root, true), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::attach_root, .slot = mount_slot, .path = "/tmp/hang"}), 0);
    EXPECT_EQ(mounts.slot(0), mounts.slot(mount_slot));
    EXPECT_EQ(mounts.perform({.kind = Kind::open_directory, .into = dev_slot, .path = "/inside"}), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::pivot}), 0);
    EXPECT_TRUE(exists("/inside"));
    EXPECT_TRUE(exists("/../../inside"));
    EXPECT_FALSE(exists("/tmp"));
    EXPECT_FALSE(exists("/usr"));
    char where[16] = {};
    EXPECT_EQ(::getcwd(where, sizeof where), where);
    EXPECT_STREQ(where, "/");
  });
}

TEST(InitMounts, ARootThatIsNoMountCannotBeEntered) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.perform({.kind = Kind::make_directory, .into = 0, .a = 0755, .path = "/plain"}), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::pivot}), -EINVAL);
  });
}

TEST(InitMounts, MasksShareOneEmptyFileSystemForDirectories) {
  on_root([](Mounts& mounts) {
    for (const char* name : {"/one", "/two", "/three"}) {
      EXPECT_EQ(::mkdir(in_root(name).c_str(), 0755), 0);
      write_text(in_root(name + "/secret"s), "");
    }
    mounts.make_device_for_masks();
    for (const char* name : {"/one", "/two", "/three"}) EXPECT_EQ(mounts.mask(name), 0) << name;
    for (const char* name : {"/one", "/two", "/three"}) {
      EXPECT_FALSE(exists(in_root(name + "/secret"s)));
      EXPECT_EQ(write_error(in_root(name + "/x"s)), EROFS);
      EXPECT_EQ(device_of(in_root(name)), device_of(in_root("/one")));
      EXPECT_NE(device_of(in_root(name)), device_of(RootedOperations::root));
    }
  });
}

TEST(InitMounts, MasksShowTheNullDeviceForFilesAndPassOverWhatIsMissing) {
  on_root([](Mounts& mounts) {
    write_text(in_root("/secret"), "key");
    mounts.make_device_for_masks();
    EXPECT_EQ(mounts.mask("/secret"), 0);
    EXPECT_EQ(text_of(in_root("/secret")), "");
    EXPECT_EQ(mounts.mask("/missing"), 0);
    EXPECT_EQ(mounts.mask("/missing/deeper"), 0);
    EXPECT_EQ(mounts.mask("/secret/deeper"), 0);
    EXPECT_FALSE(exists(in_root("/missing")));
  });
}

TEST(InitMounts, MasksRefuseANullDeviceThatIsNone) {
  on_root([](Mounts& mounts) {
    write_text(in_root("/secret"), "key");
    write_text(in_root("/fake"), "a file of the image's");
    mounts.make_device_for_masks();
    EXPECT_EQ(mounts.perform({.kind = Kind::open_directory, .into = null_slot, .path = "/fake"}), 0);
    EXPECT_EQ(mounts.mask("/secret"), -EINVAL);
    EXPECT_EQ(mounts.perform({.kind = Kind::make_node,
                              .slot = 0,
                              .into = null_slot,
                              .a = S_IFCHR | 0666,
                              .b = makedev(1, 5),
                              .text = "zero"}),
              0);
    EXPECT_EQ(mounts.mask("/secret"), -EINVAL);
    mounts.slot(null_slot) = -1;
    EXPECT_EQ(mounts.mask("/secret"), -EBADF);
    EXPECT_EQ(text_of(in_root("/secret")), "key");
  });
}

TEST(InitMounts, MasksAndProtectionFollowNoSymlink) {
  on_root([](Mounts& mounts) {
    write_text(in_root("/target"), "text");
    EXPECT_EQ(::symlink("target", in_root("/link").c_str()), 0);
    mounts.make_device_for_masks();
    EXPECT_EQ(mounts.mask("/link"), -ELOOP);
    EXPECT_EQ(mounts.perform({.kind = Kind::protect, .flags = plan::no_symlinks, .path = "/link"}), -ELOOP);
    EXPECT_EQ(text_of(in_root("/target")), "text");
    EXPECT_EQ(write_error(in_root("/target")), 0);
  });
}

TEST(InitMounts, ProtectionReachesTheMountsBelow) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(::mkdir(in_root("/p").c_str(), 0755), 0);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot), 0);
    EXPECT_EQ(mounts.attach("/p/inner", plan::create_target), 0);
    write_text(in_root("/p/file"), "text");
    EXPECT_EQ(mounts.perform({.kind = Kind::protect, .path = "/p"}), 0);
    EXPECT_EQ(text_of(in_root("/p/file")), "text");
    EXPECT_EQ(write_error(in_root("/p/file")), EROFS);
    EXPECT_EQ(write_error(in_root("/p/inner/x")), EROFS);
    EXPECT_EQ(write_error(in_root("/outside")), 0);
    write_text(in_root("/single"), "");
    EXPECT_EQ(mounts.perform({.kind = Kind::protect, .path = "/single"}), 0);
    EXPECT_EQ(write_error(in_root("/single")), EROFS);
    EXPECT_EQ(mounts.perform({.kind = Kind::protect, .path = "/missing"}), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::protect, .path = "/single/x"}), 0);
  });
}

TEST(InitMounts, TheWorkingDirectoryMustLieInTheRoot) {
  on_root([](Mounts& mounts) {
    EXPECT_EQ(mounts.perform({.kind = Kind::make_directory, .into = plan::no_slot, .a = 0755, .path = "/w"}),
              0);
    write_text(in_root("/file"), "");
    const int outside = ::open("/usr", O_PATH | O_CLOEXEC);
    EXPECT_EQ(mounts.make_tmpfs(mount_slot), 0);
    EXPECT_EQ(::mkdir(in_root("/proc").c_str(), 0755), 0);
    EXPECT_EQ(::mount("proc", in_root("/proc").c_str(), "proc", 0, nullptr), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::pivot}), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::enter_directory, .path = "/w"}), 0);
    EXPECT_EQ(mounts.perform({.kind = Kind::enter_directory, .path = "/missing"}), -ENOENT);
    EXPECT_EQ(mounts.perform({.kind = Kind::enter_directory, .path = "/file"}), -ENOTDIR);
    const std::string way_out = "/proc/self/fd/" + std::to_string(outside);
    EXPECT_EQ(mounts.perform({.kind = Kind::enter_directory, .path = way_out.c_str()}), -ENOENT);
  });
}

}  // namespace
}  // namespace tare::init
