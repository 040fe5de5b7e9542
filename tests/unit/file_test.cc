// Files and directories on the real file system, as root.
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/directory.h"
#include "sys/path_in_root.h"

namespace tare::sys {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    char name[] = "/var/tmp/tare-file-test-XXXXXX";
    root_ = ::mkdtemp(name);
    directory_ = open_at(here, root_, O_RDONLY | O_DIRECTORY);
  }
  ~Files() override { remove_tree(here, root_); }

  std::string root_;
  UniqueFd directory_;
};

template <typename Act>
Error error_of(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::usage, "no error");
}

void set_flag(const std::string& path, int flag, bool on) {
  const UniqueFd fd = open_at(here, path, O_RDONLY | O_NOFOLLOW);
  int flags = 0;
  ASSERT_EQ(::ioctl(fd.number(), FS_IOC_GETFLAGS, &flags), 0);
  flags = on ? flags | flag : flags & ~flag;
  ASSERT_EQ(::ioctl(fd.number(), FS_IOC_SETFLAGS, &flags), 0);
}

TEST_F(Files, AreCreatedOnceAndReplacedWhole) {
  create_file(directory_, "a", "one", 0600);
  EXPECT_EQ(error_of([&] { create_file(directory_, "a", "two"); }).kind(), ErrorKind::conflict);
  EXPECT_EQ(read_file(directory_, "a"), "one");
  replace_file(directory_, "a", "three");
  EXPECT_EQ(read_file(directory_, "a"), "three");
  EXPECT_EQ(list_directory(directory_, "."), std::vector<std::string>{"a"});
  write_to(directory_, "a", "FO");
  EXPECT_EQ(read_file(directory_, "a"), "FOree");
  EXPECT_FALSE(try_write_to(directory_, "missing", "x"));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(error_of([&] { write_to(directory_, "missing", "x"); }).error_number(), ENOENT);
}

TEST_F(Files, AreNotCreatedThroughASymlink) {
  ASSERT_EQ(::symlinkat("victim", directory_.number(), "link"), 0);
  EXPECT_EQ(error_of([&] { create_file(directory_, "link", "x"); }).kind(), ErrorKind::conflict);
  ASSERT_EQ(::symlinkat("victim", directory_.number(), "file.new"), 0);
  EXPECT_EQ(error_of([&] { replace_file(directory_, "file", "x"); }).error_number(), ELOOP);
  EXPECT_FALSE(exists(directory_, "victim"));
}

TEST_F(Files, AreReadUpToALimit) {
  create_file(directory_, "a", std::string(1000, 'x'));
  EXPECT_EQ(read_file(directory_, "a", 1000).size(), 1000U);
  EXPECT_EQ(error_of([&] { read_file(directory_, "a", 999); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(try_read_file(directory_, "b"), std::nullopt);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(error_of([&] { read_file(directory_, "b"); }).text(), "cannot open b");
  EXPECT_EQ(error_of([&] { read_file(directory_, "."); }).error_number(), EISDIR);
}

TEST_F(Files, OpenedHereAreClosedOnExec) {
  EXPECT_EQ(::fcntl(directory_.number(), F_GETFD), FD_CLOEXEC);
  create_file(directory_, "a", "");
  const UniqueFd fd = open_in_root(directory_, ContainerPath("a"), O_RDONLY);
  EXPECT_EQ(::fcntl(fd.number(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Files, AreLockedByOne) {
  create_file(directory_, "lock", "");
  UniqueFd first = open_at(directory_, "lock", O_RDONLY);
  const UniqueFd second = open_at(directory_, "lock", O_RDONLY);
  EXPECT_TRUE(try_lock(first));
  EXPECT_FALSE(try_lock(second));
  first.reset();
  lock(second);
}

TEST_F(Files, DirectoriesAreMadeWithTheirParents) {
  make_directories(directory_, "a/b/c");
  make_directories(directory_, "a/b/c");
  make_directories(directory_, "a//x/");
  EXPECT_EQ(list_directory(directory_, "a"), (std::vector<std::string>{"b", "x"}));
  EXPECT_FALSE(try_make_directory(directory_, "a"));
  EXPECT_TRUE(try_make_directory(directory_, "z"));
  EXPECT_EQ(error_of([&] { make_directory(directory_, "a"); }).kind(), ErrorKind::conflict);
  create_file(directory_, "file", "");
  EXPECT_EQ(error_of([&] { make_directories(directory_, "file/x/y"); }).error_number(), ENOTDIR);
  EXPECT_TRUE(list_directory(directory_, "missing").empty());
  EXPECT_EQ(error_of([&] { list_directory(directory_, "file"); }).error_number(), ENOTDIR);
}

TEST_F(Files, AreListedSortedWhateverTheirNumber) {
  std::vector<std::string> names;
  for (int i = 10'000; i < 13'000; i++) {
    names.push_back(std::string(100, '\xff') + std::to_string(i));
    create_file(directory_, names.back(), "");
  }
  EXPECT_EQ(list_directory(directory_, "."), names);
}

TEST_F(Files, LinksAndStatusAreReadWithoutFollowing) {
  ASSERT_EQ(::symlinkat("nowhere", directory_.number(), "link"), 0);
  EXPECT_TRUE(exists(directory_, "link"));
  EXPECT_FALSE(exists(directory_, "nowhere"));
  EXPECT_EQ(try_read_link(directory_, "link"), "nowhere");
  EXPECT_EQ(try_read_link(directory_, "."), std::nullopt);
  EXPECT_EQ(try_status(directory_, "link"), std::nullopt);
  EXPECT_TRUE(S_ISLNK(try_status(directory_, "link", AT_SYMLINK_NOFOLLOW)->st_mode));
  EXPECT_TRUE(remove_file(directory_, "link"));
  EXPECT_FALSE(remove_file(directory_, "link"));
  EXPECT_EQ(canonical(HostPath(root_ + "/./../" + root_.substr(9))).value, root_);
  EXPECT_EQ(error_of([&] { canonical(HostPath(root_ + "/x")); }).kind(), ErrorKind::not_found);
}

TEST_F(Files, ParentIsRefusedWhenTheDirectoryWasMoved) {
  make_directories(directory_, "a/b");
  make_directories(directory_, "elsewhere");
  const UniqueFd a = open_at(directory_, "a", O_RDONLY), b = open_at(a, "b", O_RDONLY);
  EXPECT_EQ(identify(open_parent(b, identify(a))), identify(a));
  ASSERT_EQ(::renameat(a.number(), "b", directory_.number(), "elsewhere/b"), 0);
  EXPECT_EQ(error_of([&] { open_parent(b, identify(a)); }).kind(), ErrorKind::conflict);
}

TEST_F(Files, TreesAreRemovedWhole) {
  remove_tree(directory_, "missing");
  create_file(directory_, "file", "");
  remove_tree(directory_, "file");
  make_directories(directory_, "tree/a/b");
  make_directories(directory_, "tree/empty");
  for (const std::string& name : {std::string("\xff\n\x01"), std::string(255, '\xfe'),
                                  std::string(".removing-1-0"), std::string("-rf"), std::string("...")}) {
    create_file(directory_, "tree/" + name, "x");
    make_directories(directory_, "tree/a/" + name + "/inner");
  }
  ASSERT_EQ(::mknodat(directory_.number(), "tree/a/fifo", S_IFIFO | 0600, 0), 0);
  ASSERT_EQ(::fchmodat(directory_.number(), "tree/a", 0, 0), 0);
  create_file(directory_, "kept", "x");
  ASSERT_EQ(::symlinkat("../kept", directory_.number(), "tree/link"), 0);
  ASSERT_EQ(::symlinkat("..", directory_.number(), "tree/up"), 0);
  remove_tree(directory_, "tree");
  EXPECT_EQ(list_directory(directory_, "."), std::vector<std::string>{"kept"});
  ASSERT_EQ(::symlinkat(".", directory_.number(), "link"), 0);
  remove_tree(directory_, "link");
  EXPECT_EQ(list_directory(directory_, "."), std::vector<std::string>{"kept"});
}

TEST_F(Files, TreesAreRemovedHoweverDeepAndWide) {
  UniqueFd fd = open_at(directory_, ".", O_RDONLY);
  for (int i = 0; i < 5000; i++) {
    make_directory(fd, std::string(100, 'd'));
    make_directories(fd, "side/way");
    create_file(fd, "file", "x");
    fd = open_at(fd, std::string(100, 'd'), O_RDONLY);
  }
  fd.reset();
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{32, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  for (const auto& name : list_directory(directory_, ".")) remove_tree(directory_, name);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(list_directory(directory_, ".").empty());
}

TEST_F(Files, TreesWithSomethingImmutableAreRefusedNamingIt) {
  make_directories(directory_, "tree/a/b");
  create_file(directory_, "tree/a/b/stone", "x");
  set_flag(root_ + "/tree/a/b/stone", FS_IMMUTABLE_FL, true);
  const Error file_error = error_of([&] { remove_tree(directory_, "tree"); });
  set_flag(root_ + "/tree/a/b/stone", FS_IMMUTABLE_FL, false);
  EXPECT_STREQ(file_error.what(), "cannot remove tree/a/b/stone: Operation not permitted");

  set_flag(root_ + "/tree/a/b", FS_IMMUTABLE_FL, true);
  const Error directory_error = error_of([&] { remove_tree(directory_, "tree"); });
  set_flag(root_ + "/tree/a/b", FS_IMMUTABLE_FL, false);
  EXPECT_STREQ(directory_error.what(), "cannot remove tree/a/b: Operation not permitted");
  remove_tree(directory_, "tree");
  EXPECT_FALSE(exists(directory_, "tree"));
}

TEST_F(Files, TreesWithAMountPointAreRefusedAndWhatIsMountedStays) {
  make_directories(directory_, "tree/a/mounted");
  make_directories(directory_, "tree/a/file");
  make_directories(directory_, "outside");
  create_file(directory_, "outside/kept", "x");
  const std::string place = root_ + "/tree/a/mounted";
  ASSERT_EQ(::mount((root_ + "/outside").c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
  const Error error = error_of([&] { remove_tree(directory_, "tree"); });
  const Error top_error = error_of([&] { remove_tree(directory_, "tree/a/mounted"); });
  EXPECT_EQ(::umount2(place.c_str(), MNT_DETACH), 0);
  EXPECT_STREQ(error.what(), "cannot remove tree/a/mounted: Device or resource busy");
  EXPECT_EQ(top_error.error_number(), EBUSY);
  EXPECT_TRUE(exists(directory_, "outside/kept"));
}

TEST_F(Files, TreesOnOverlayfsAreRemovedThoughItsDirectoriesCannotBeMoved) {
  make_directories(directory_, "lower/a/b/c/d");
  create_file(directory_, "lower/a/b/c/d/file", "x");
  for (const char* name : {"upper", "work", "merged"}) make_directory(directory_, name);
  const std::string options =
      "lowerdir=" + root_ + "/lower,upperdir=" + root_ + "/upper,workdir=" + root_ + "/work";
  ASSERT_EQ(::mount("overlay", (root_ + "/merged").c_str(), "overlay", 0, options.c_str()), 0);
  const Error error = error_of([&] { remove_tree(directory_, "merged/a"); });
  const bool gone = !exists(directory_, "merged/a");
  EXPECT_EQ(::umount2((root_ + "/merged").c_str(), MNT_DETACH), 0);
  EXPECT_STREQ(error.what(), "no error");
  EXPECT_TRUE(gone);
  EXPECT_TRUE(exists(directory_, "lower/a/b/c/d/file"));
}

class PathsInRoot : public Files {
 protected:
  PathsInRoot() {
    make_directories(directory_, "root/etc");
    create_file(directory_, "root/etc/passwd", "inside");
    make_directories(directory_, "etc");
    create_file(directory_, "etc/passwd", "outside");
    inside_ = open_at(directory_, "root", O_RDONLY | O_DIRECTORY);
  }
  void link(const char* target, const char* name) {
    ASSERT_EQ(::symlinkat(target, inside_.number(), name), 0);
  }
  std::string read(const char* path) {
    return read_all(open_in_root(inside_, ContainerPath(path), O_RDONLY));
  }

  UniqueFd inside_;
};

TEST_F(PathsInRoot, AreFoundFromItsTop) {
  EXPECT_EQ(read("/etc/passwd"), "inside");
  EXPECT_EQ(read("etc/passwd"), "inside");
  EXPECT_EQ(identify(open_in_root(inside_, ContainerPath("/"), O_RDONLY)), identify(inside_));
  EXPECT_STREQ(error_of([&] { read("/etc/shadow"); }).what(),
               "cannot open /etc/shadow in the container's root: No such file or directory");
}

TEST_F(PathsInRoot, AreKeptInsideByAbsoluteSymlinks) {
  link("/etc", "absolute");
  link("/etc/passwd", "file");
  link("absolute/passwd", "chain");
  for (const char* path : {"/absolute/passwd", "/file", "/chain"}) EXPECT_EQ(read(path), "inside");
}

TEST_F(PathsInRoot, AreKeptInsideByTooManyDots) {
  link("../../../../../../etc/passwd", "up");
  link("..", "etc/dots");
  for (const char* path :
       {"/../../etc/passwd", "../etc/passwd", "/etc/../../etc/passwd", "/up", "/etc/dots/../etc/passwd"})
    EXPECT_EQ(read(path), "inside");
}

TEST_F(PathsInRoot, AreMadeInsideToo) {
  link("/etc", "absolute");
  const UniqueFd fd =
      open_in_root(inside_, ContainerPath("/absolute/../../absolute/new"), O_WRONLY | O_CREAT | O_EXCL, 0600);
  EXPECT_TRUE(exists(inside_, "etc/new"));
  EXPECT_EQ(try_status(inside_, "etc/new")->st_mode, S_IFREG | 0600U);
}

TEST_F(PathsInRoot, LeadThroughNoMagicLink) {
  make_directories(inside_, "proc");
  const std::string place = root_ + "/root/proc";
  ASSERT_EQ(::mount("proc", place.c_str(), "proc", 0, nullptr), 0);
  link("/proc/self/root", "escape");
  const auto refused = [&](const std::string& path) {
    return try_open_in_root(inside_, ContainerPath(path), O_RDONLY) ? 0 : errno;
  };
  const std::string through_fd = "/proc/self/fd/" + std::to_string(directory_.number());
  const int root = refused("/proc/self/root"), below = refused("/proc/self/root/etc/passwd"),
            escape = refused("/escape/etc"), fd = refused(through_fd + "/etc/passwd"),
            plain = refused("/proc/stat");
  EXPECT_EQ(::umount2(place.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(root, ELOOP);
  EXPECT_EQ(below, ELOOP);
  EXPECT_EQ(escape, ELOOP);
  EXPECT_EQ(fd, ELOOP);
  EXPECT_EQ(plain, 0);
}

TEST_F(PathsInRoot, BeneathItRefuseToLeave) {
  link("/etc", "absolute");
  link("etc", "relative");
  const auto refused = [&](const char* path) {
    return try_open_beneath(inside_, ContainerPath(path), O_RDONLY) ? 0 : errno;
  };
  EXPECT_EQ(refused("etc/passwd"), 0);
  EXPECT_EQ(refused("relative/passwd"), 0);
  EXPECT_EQ(refused("etc/../etc/passwd"), 0);
  for (const char* path : {"/etc/passwd", "../etc/passwd", "absolute/passwd", "etc/../../etc/passwd"})
    EXPECT_EQ(refused(path), EXDEV) << path;
}

}  // namespace
}  // namespace tare::sys
