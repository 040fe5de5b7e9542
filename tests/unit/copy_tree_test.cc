// On the real file system, as root: trees with everything a file system can hold, compared entry by entry.
#include "store/copy_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/error.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace tare::store {
namespace {

using sys::Fd;
using sys::UniqueFd;

/// All that copies must have in common, each entry's on a line of its own; hard links by the first of their
/// names.
class Description {
 public:
  explicit Description(Fd top) {
    describe(top, ".", "/");
    walk(top, "");
  }
  std::map<std::string, std::string> entries;

 private:
  void walk(Fd directory, const std::string& path) {
    for (const auto& name : sys::list_directory(directory, ".")) {
      const auto status = describe(directory, name, path + "/" + name);
      if (S_ISDIR(status.st_mode))
        walk(sys::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path + "/" + name);
    }
  }

  struct stat describe(Fd directory, const std::string& name, const std::string& path) {
    struct stat s{};
    EXPECT_EQ(::fstatat(directory.number(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW), 0) << path;
    char line[256];
    std::snprintf(line, sizeof line, "mode %o owner %u:%u links %lu device %lx size %ld mtime %ld.%09ld",
                  s.st_mode, s.st_uid, s.st_gid, S_ISDIR(s.st_mode) ? 0 : s.st_nlink, s.st_rdev,
                  S_ISDIR(s.st_mode) ? 0 : s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    std::string text = line;
    // Looking at it changes the time of access; what is never read by the test keeps it.
    if (S_ISFIFO(s.st_mode) || S_ISCHR(s.st_mode))
      text += " atime " + std::to_string(s.st_atim.tv_sec) + "." + std::to_string(s.st_atim.tv_nsec);
    if (S_ISLNK(s.st_mode)) text += " -> " + sys::try_read_link(directory, name).value();
    if (S_ISREG(s.st_mode)) {
      const auto [first, is_new] = first_names_.try_emplace({s.st_dev, s.st_ino}, path);
      if (!is_new) text += " same as " + first->second;
      const UniqueFd file = sys::open_at(directory, name, O_RDONLY | O_NOFOLLOW);
      if (s.st_size < (1 << 20)) text += " contents " + sys::read_all(file);
    }
    const std::string place = "/proc/self/fd/" + std::to_string(directory.number()) + "/" + name;
    char names[4096];
    const ssize_t size = ::llistxattr(place.c_str(), names, sizeof names);
    std::map<std::string, std::string> attributes;
    for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
      char value[4096];
      const ssize_t n = ::lgetxattr(place.c_str(), names + at, value, sizeof value);
      EXPECT_GE(n, 0) << path << names + at;
      attributes[names + at] = std::string(value, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    for (const auto& [attribute, value] : attributes) text += " " + attribute + "=" + value;
    entries[path] = text;
    return s;
  }

  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

void set_attribute(const std::string& path, const char* name, std::string_view value) {
  ASSERT_EQ(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0), 0)
      << path << " " << name << ": " << errno_words(errno);
}

// system.posix_acl_*: version 2, then tag, permissions, id each (linux/posix_acl_xattr.h).
std::string acl_for_user(unsigned user) {
  std::string text;
  const auto add = [&](unsigned value, int bytes) {
    for (int i = 0; i < bytes; i++) text += static_cast<char>(value >> (8 * i) & 0xff);
  };
  const auto entry = [&](unsigned tag, unsigned permissions, unsigned id) {
    add(tag, 2), add(permissions, 2), add(id, 4);
  };
  add(2, 4);
  entry(0x01, 7, ~0U), entry(0x02, 5, user), entry(0x04, 0, ~0U), entry(0x10, 5, ~0U), entry(0x20, 0, ~0U);
  return text;
}

// security.capability: version 2, cap_net_bind_service permitted and effective (linux/capability.h).
const std::string bind_capability("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

class CopyTree : public ::testing::Test {
 protected:
  CopyTree() {
    char name[] = "/var/tmp/tare-copy-test-XXXXXX";
    root_ = ::mkdtemp(name);
    ::mkdir((root_ + "/from").c_str(), 0755);
    ::mkdir((root_ + "/to").c_str(), 0700);
  }
  ~CopyTree() override { sys::remove_tree(sys::here, root_); }

  std::string from(const std::string& path = "") const { return root_ + "/from" + path; }
  std::string to(const std::string& path = "") const { return root_ + "/to" + path; }
  void write(const std::string& path, std::string_view text, mode_t mode = 0644) {
    sys::create_file(sys::here, from(path), text);
    ASSERT_EQ(::chmod(from(path).c_str(), mode), 0);
  }
  void copy(const std::function<void(std::uint64_t)>& progress = {}) {
    copy_tree(sys::open_at(sys::here, from(), O_PATH | O_DIRECTORY),
              sys::open_at(sys::here, to(), O_PATH | O_DIRECTORY), {}, progress);
  }
  std::string copy_error() {
    try {
      copy();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  void expect_equal() {
    const Description before(sys::open_at(sys::here, from(), O_RDONLY));
    const Description after(sys::open_at(sys::here, to(), O_RDONLY));
    EXPECT_EQ(before.entries, after.entries);
  }

  std::string root_;
};

void set_times(const std::string& path, time_t seconds) {
  const timespec times[] = {{seconds, 123456789}, {seconds + 1, 987654321}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

TEST_F(CopyTree, KeepsKindsOwnersModesTimesAndContents) {
  write("/plain", "hello", 0640);
  write("/empty", "");
  write("/setuid", "x", 06755);
  write("/no-access", "x", 0);
  ASSERT_EQ(::chown(from("/setuid").c_str(), 12, 3456), 0);
  ASSERT_EQ(::chmod(from("/setuid").c_str(), 06755), 0);
  sys::make_directories(sys::here, from("/a/b/c"));
  write("/a/b/c/file", "deep");
  ASSERT_EQ(::chmod(from("/a").c_str(), 03777), 0);
  ASSERT_EQ(::chmod(from("/a/b").c_str(), 0), 0);
  ASSERT_EQ(::chown(from("/a").c_str(), 4000000000U, 77), 0);
  ASSERT_EQ(::symlink("/etc/../nowhere", from("/link").c_str()), 0);
  ASSERT_EQ(::symlink("\xff\xfe target", from("/a/odd-link").c_str()), 0);
  ASSERT_EQ(::lchown(from("/link").c_str(), 5, 6), 0);
  ASSERT_EQ(::mknod(from("/character").c_str(), S_IFCHR | 0620, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod(from("/block").c_str(), S_IFBLK | 0600, makedev(259, 70000)), 0);
  ASSERT_EQ(::mknod(from("/whiteout").c_str(), S_IFCHR, makedev(0, 0)), 0);
  ASSERT_EQ(::mknod(from("/fifo").c_str(), S_IFIFO | 0666, 0), 0);
  ASSERT_EQ(::mknod(from("/socket").c_str(), S_IFSOCK | 0755, 0), 0);
  ASSERT_EQ(::chmod(from("/fifo").c_str(), 0666), 0);
  ASSERT_EQ(::chmod(from().c_str(), 01751), 0);
  ASSERT_EQ(::chown(from().c_str(), 8, 9), 0);
  time_t seconds = 1000;
  for (const char* path : {"/plain", "/setuid", "/a/b/c/file", "/a/b/c", "/a/b", "/a", "/link", "/character",
                           "/fifo", "/socket", ""})
    set_times(from(path), seconds += 1000);
  copy();
  expect_equal();
  struct stat status;
  ASSERT_EQ(::stat(to("/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 03777U);
  EXPECT_EQ(status.st_uid, 4000000000U);
  EXPECT_EQ(status.st_mtim.tv_nsec, 987654321);
  ASSERT_EQ(::lstat(to("/socket").c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(sys::try_read_link(sys::here, to("/a/odd-link")), "\xff\xfe target");
}

TEST_F(CopyTree, LeavesTheSourcesAccessTimesAlone) {
  write("/file", "hello");
  sys::make_directories(sys::here, from("/directory"));
  set_times(from("/directory"), 5000);
  set_times(from("/file"), 5000);
  set_times(from(), 5000);
  copy();
  for (const char* path : {"", "/file", "/directory"})
    for (const std::string& copied : {from(path), to(path)}) {
      struct stat status;
      ASSERT_EQ(::stat(copied.c_str(), &status), 0);
      EXPECT_EQ(status.st_atim.tv_sec, 5000) << copied;
      EXPECT_EQ(status.st_atim.tv_nsec, 123456789) << copied;
    }
}

TEST_F(CopyTree, KeepsExtendedAttributesOfAllKinds) {
  write("/capable", "x", 0755);
  ASSERT_EQ(::chown(from("/capable").c_str(), 33, 33), 0);
  set_attribute(from("/capable"), "security.capability", bind_capability);
  write("/file", "x", 0640);
  set_attribute(from("/file"), "user.comment", "a value");
  set_attribute(from("/file"), "user.empty", "");
  set_attribute(from("/file"), "user.zero", std::string_view("a\0b", 3));
  set_attribute(from("/file"), "user.long", std::string(2000, 'v'));
  set_attribute(from("/file"), "system.posix_acl_access", acl_for_user(1234));
  sys::make_directories(sys::here, from("/directory/inner"));
  write("/directory/file", "made below a default ACL");
  set_attribute(from("/directory"), "system.posix_acl_default", acl_for_user(4321));
  set_attribute(from("/directory"), "trusted.overlay.opaque", "y");
  ASSERT_EQ(::symlink("file", from("/link").c_str()), 0);
  set_attribute(from("/link"), "trusted.of-the-link", "1");
  ASSERT_EQ(::mknod(from("/fifo").c_str(), S_IFIFO | 0600, 0), 0);
  set_attribute(from("/fifo"), "trusted.of-the-fifo", "1");
  set_attribute(from(), "user.top", "top");
  copy();
  expect_equal();
  char value[64];
  EXPECT_EQ(::getxattr(to("/capable").c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_EQ(::lgetxattr(to("/link").c_str(), "trusted.of-the-link", value, sizeof value), 1);
}

TEST_F(CopyTree, TakesAwayWhatTheTargetHadOfItsOwn) {
  set_attribute(to(), "system.posix_acl_default", acl_for_user(4321));
  set_attribute(to(), "user.own", "1");
  ASSERT_EQ(::chown(to().c_str(), 7, 7), 0);
  ASSERT_EQ(::chmod(to().c_str(), 02777), 0);
  write("/file", "x");
  sys::make_directories(sys::here, from("/directory"));
  copy();
  expect_equal();
}

TEST_F(CopyTree, KeepsHardLinksAcrossDirectoriesAndOfAllKinds) {
  sys::make_directories(sys::here, from("/a/b"));
  sys::make_directories(sys::here, from("/z"));
  write("/a/b/one", "linked");
  ASSERT_EQ(::link(from("/a/b/one").c_str(), from("/a/b/two").c_str()), 0);
  ASSERT_EQ(::link(from("/a/b/one").c_str(), from("/z/three").c_str()), 0);
  ASSERT_EQ(::link(from("/a/b/one").c_str(), from("/four").c_str()), 0);
  ASSERT_EQ(::symlink("target", from("/a/link").c_str()), 0);
  ASSERT_EQ(::link(from("/a/link").c_str(), from("/z/link").c_str()), 0);
  ASSERT_EQ(::mknod(from("/a/fifo").c_str(), S_IFIFO | 0600, 0), 0);
  ASSERT_EQ(::link(from("/a/fifo").c_str(), from("/z/fifo").c_str()), 0);
  write("/outside", "its other name is not in the tree");
  ASSERT_EQ(::link(from("/outside").c_str(), (root_ + "/other").c_str()), 0);
  copy();
  struct stat one, four, outside;
  ASSERT_EQ(::stat(to("/a/b/one").c_str(), &one), 0);
  ASSERT_EQ(::stat(to("/four").c_str(), &four), 0);
  ASSERT_EQ(::stat(to("/outside").c_str(), &outside), 0);
  EXPECT_EQ(one.st_ino, four.st_ino);
  EXPECT_EQ(one.st_nlink, 4U);
  EXPECT_EQ(outside.st_nlink, 1U);
  ASSERT_EQ(::unlink((root_ + "/other").c_str()), 0);
  expect_equal();
}

TEST_F(CopyTree, KeepsHoles) {
  constexpr off_t size = off_t{1} << 40;
  const UniqueFd file = sys::open_at(sys::here, from("/sparse"), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::pwrite(file.number(), "begin", 5, 8192), 5);
  ASSERT_EQ(::pwrite(file.number(), "middle", 6, size / 2 + 1), 6);
  ASSERT_EQ(::ftruncate(file.number(), size), 0);
  const UniqueFd all_hole = sys::open_at(sys::here, from("/hole"), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::ftruncate(all_hole.number(), 1 << 20), 0);
  copy();
  expect_equal();
  const UniqueFd copied = sys::open_at(sys::here, to("/sparse"), O_RDONLY);
  struct stat status;
  ASSERT_EQ(::fstat(copied.number(), &status), 0);
  EXPECT_EQ(status.st_size, size);
  EXPECT_LT(status.st_blocks, 100);
  char text[7] = {};
  ASSERT_EQ(::pread(copied.number(), text, 6, size / 2 + 1), 6);
  EXPECT_STREQ(text, "middle");
  ASSERT_EQ(::pread(copied.number(), text, 5, 8192), 5);
  EXPECT_EQ(std::string(text, 5), "begin");
  ASSERT_EQ(::stat(to("/hole").c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks, 0);
}

TEST_F(CopyTree, CopiesLargeFilesAndTellsProgress) {
  std::string text;
  for (int i = 0; text.size() < (40 << 20) + 5; i++) text += std::to_string(i) + ",";
  write("/large", text);
  write("/middling", std::string_view(text).substr(0, 65537));
  write("/small", "abc");
  std::vector<std::uint64_t> told;
  copy([&](std::uint64_t bytes) { told.push_back(bytes); });
  EXPECT_TRUE(sys::read_file(sys::here, to("/large"), 64 << 20) == text);
  EXPECT_TRUE(sys::read_file(sys::here, to("/middling")) == text.substr(0, 65537));
  EXPECT_TRUE(std::ranges::is_sorted(told));
  ASSERT_GE(told.size(), 3U);
  EXPECT_EQ(told.back(), text.size() + 65537 + 3);
  expect_equal();
}

TEST_F(CopyTree, KeepsLongAndOddNames) {
  for (const std::string& name :
       {std::string(255, 'n'), std::string(255, '\xff'), std::string("\x01\n\x7f \xc3\x28"),
        std::string("..."), std::string("-rf"), std::string("\\"), std::string(" ")}) {
    write("/" + name, name);
    write("/file-and-link-" + std::to_string(name.size()) + std::to_string(name[0]), "x");
  }
  sys::make_directories(sys::here, from("/" + std::string(254, '\xfe')));
  write("/" + std::string(254, '\xfe') + "/inside", "x");
  copy();
  expect_equal();
}

TEST_F(CopyTree, FollowsNoSymlink) {
  sys::make_directories(sys::here, root_ + "/outside");
  sys::create_file(sys::here, root_ + "/outside/secret", "secret");
  ASSERT_EQ(::symlink("../outside", from("/directory").c_str()), 0);
  ASSERT_EQ(::symlink("../outside/secret", from("/file").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/root", from("/root").c_str()), 0);
  copy();
  expect_equal();
  EXPECT_EQ(sys::try_read_link(sys::here, to("/directory")), "../outside");
  EXPECT_EQ(sys::list_directory(sys::here, root_ + "/outside"), std::vector<std::string>{"secret"});
}

TEST_F(CopyTree, LeavesOutWhatIsMountedInside) {
  sys::make_directories(sys::here, from("/mounted"));
  sys::make_directories(sys::here, from("/bound"));
  sys::make_directories(sys::here, from("/same/inner"));
  write("/file", "covered");
  write("/source", "of the bind");
  write("/same/inner/kept", "kept");
  ASSERT_EQ(::mount("tmpfs", from("/mounted").c_str(), "tmpfs", 0, "size=1m,mode=0711"), 0);
  sys::create_file(sys::here, from("/mounted/hidden"), "hidden");
  ASSERT_EQ(::mount(from("/same").c_str(), from("/bound").c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(from("/source").c_str(), from("/file").c_str(), nullptr, MS_BIND, nullptr), 0);
  const std::string error = copy_error();
  for (const char* path : {"/mounted", "/bound", "/file"})
    EXPECT_EQ(::umount2(from(path).c_str(), MNT_DETACH), 0);
  EXPECT_EQ(error, "no error");
  struct stat status;
  ASSERT_EQ(::stat(to("/mounted").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 0711U);
  EXPECT_TRUE(sys::list_directory(sys::here, to("/mounted")).empty());
  EXPECT_TRUE(sys::list_directory(sys::here, to("/bound")).empty());
  EXPECT_EQ(sys::read_file(sys::here, to("/file")), "");
  EXPECT_EQ(sys::read_file(sys::here, to("/same/inner/kept")), "kept");
}

/// Makes a chain of directories as deep as asked and returns the innermost.
UniqueFd make_chain(Fd top, int depth, const std::string& name) {
  UniqueFd fd = sys::open_at(top, ".", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth; i++) {
    sys::make_directory(fd, name);
    fd = sys::open_at(fd, name, O_RDONLY | O_DIRECTORY);
  }
  return fd;
}

TEST_F(CopyTree, CopiesATreeDeeperThanPathsAndDescriptorsReach) {
  constexpr int depth = 5000;
  const std::string name(40, 'd');
  {
    const UniqueFd top = sys::open_at(sys::here, from(), O_RDONLY);
    const UniqueFd bottom = make_chain(top, depth, name);
    sys::create_file(bottom, "one", "at the bottom");
    ASSERT_EQ(::linkat(bottom.number(), "one", bottom.number(), "two", 0), 0);
    ASSERT_EQ(::linkat(bottom.number(), "one", top.number(), "three", 0), 0);
    // Copied after the bottom, and linked to a file above it in another branch.
    const UniqueFd first = sys::open_at(top, name, O_RDONLY);
    const UniqueFd branch = make_chain(first, 300, std::string(250, 'z'));
    sys::create_file(branch, "left", "x");
    ASSERT_EQ(::linkat(branch.number(), "left", bottom.number(), "right", 0), 0);
  }
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{32, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const std::string error = copy_error();
  ASSERT_EQ(error, "no error");
  UniqueFd fd = sys::open_at(sys::here, to(), O_RDONLY);
  for (int i = 0; i < depth; i++) fd = sys::open_at(fd, name, O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(sys::read_file(fd, "two"), "at the bottom");
  EXPECT_EQ(sys::try_status(fd, "two")->st_nlink, 3U);
  EXPECT_EQ(sys::try_status(fd, "two")->st_ino, sys::try_status(sys::here, to("/three"))->st_ino);
  UniqueFd branch = sys::open_at(sys::here, to("/" + name), O_RDONLY);
  for (int i = 0; i < 300; i++) branch = sys::open_at(branch, std::string(250, 'z'), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(sys::try_status(branch, "left")->st_ino, sys::try_status(fd, "right")->st_ino);
  sys::remove_tree(sys::here, to());
  sys::remove_tree(sys::here, from());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(CopyTree, NamesThePathWhenTheDeviceIsFull) {
  sys::make_directories(sys::here, from("/usr/lib"));
  write("/usr/lib/large", std::string(3 << 20, 'x'));
  ASSERT_EQ(::mount("tmpfs", to().c_str(), "tmpfs", 0, "size=1m"), 0);
  const std::string error = copy_error();
  EXPECT_EQ(::umount2(to().c_str(), MNT_DETACH), 0);
  EXPECT_NE(error.find("copy /usr/lib/large: "), std::string::npos) << error;
  EXPECT_NE(error.find(": no space left on the device"), std::string::npos) << error;
}

TEST_F(CopyTree, CopiesToAnotherFileSystemAndBack) {
  sys::make_directories(sys::here, from("/usr/lib"));
  write("/usr/lib/large", std::string(300'000, 'x'));
  write("/usr/small", "small");
  ASSERT_EQ(::link(from("/usr/small").c_str(), from("/usr/lib/link").c_str()), 0);
  const UniqueFd sparse = sys::open_at(sys::here, from("/sparse"), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::pwrite(sparse.number(), "x", 1, 700'000), 1);
  set_attribute(from("/usr/small"), "trusted.x", "1");
  ASSERT_EQ(::mount("tmpfs", to().c_str(), "tmpfs", 0, "size=10m"), 0);
  const std::string there = copy_error();
  expect_equal();
  sys::make_directory(sys::here, root_ + "/back");
  std::string back;
  try {
    copy_tree(sys::open_at(sys::here, to(), O_RDONLY), sys::open_at(sys::here, root_ + "/back", O_RDONLY));
  } catch (const Error& error) {
    back = error.what();
  }
  EXPECT_EQ(::umount2(to().c_str(), MNT_DETACH), 0);
  EXPECT_EQ(there, "no error");
  EXPECT_EQ(back, "");
  const Description original(sys::open_at(sys::here, from(), O_RDONLY));
  const Description returned(sys::open_at(sys::here, root_ + "/back", O_RDONLY));
  EXPECT_EQ(original.entries, returned.entries);
}

TEST_F(CopyTree, RefusesATargetThatHasTheNameAlready) {
  write("/file", "new");
  sys::create_file(sys::here, to("/file"), "old");
  EXPECT_EQ(copy_error(), "copy /file: cannot make the file: File exists");
  EXPECT_EQ(sys::read_file(sys::here, to("/file")), "old");
}

TEST_F(CopyTree, BeginsAnotherFileWhereTheTargetHasNoMoreLinks) {
  // ext4 has at most 65000 names for a file, tmpfs has no bound.
  ASSERT_EQ(::mount("tmpfs", from().c_str(), "tmpfs", 0, "size=200m"), 0);
  write("/file", "x");
  for (int i = 1; i < 65'100; i++)
    ASSERT_EQ(::link(from("/file").c_str(), from("/" + std::to_string(i)).c_str()), 0);
  const std::string error = copy_error();
  EXPECT_EQ(::umount2(from().c_str(), MNT_DETACH), 0);
  EXPECT_EQ(error, "no error");
  EXPECT_EQ(sys::list_directory(sys::here, to()).size(), 65'100U);
  EXPECT_EQ(sys::read_file(sys::here, to("/65099")), "x");
}

TEST_F(CopyTree, GivesTheCopiesToTheOwnersThatAUserNamespaceHasOutside) {
  write("/own", "", 04755);
  write("/other", "");
  ASSERT_EQ(::chown(from("/other").c_str(), 7, 70000), 0);
  ASSERT_EQ(::symlink("own", from("/link").c_str()), 0);
  const std::vector<oci::IdMapping> map = {{.container = 0, .host = 100000, .size = 100}};
  copy_tree(sys::open_at(sys::here, from(), O_PATH | O_DIRECTORY),
            sys::open_at(sys::here, to(), O_PATH | O_DIRECTORY), {.uids = map, .gids = map});
  const auto owner = [&](const char* path) {
    struct stat status;
    EXPECT_EQ(::lstat(to(path).c_str(), &status), 0) << path;
    return std::pair(status.st_uid, status.st_gid);
  };
  EXPECT_EQ(owner(""), std::pair(100000U, 100000U));
  EXPECT_EQ(owner("/link"), std::pair(100000U, 100000U));
  EXPECT_EQ(owner("/other"), std::pair(100007U, 65534U)) << "an id without a mapping is nobody's";
  struct stat status;
  ASSERT_EQ(::stat(to("/own").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 04755U);
}

}  // namespace
}  // namespace tare::store
