// WalkInRoot against the kernel's own openat2(2): the same file or the same error, in a tree full of links.
#include "sys/walk_in_root.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

long call_kernel(long number, long a, long b, long c, long d, long e) {
  const long result = ::syscall(number, a, b, c, d, e);
  return result < 0 ? -errno : result;
}

// What was opened, or which error.
std::string shown(long fd) {
  if (fd < 0) return std::string("error ") + std::to_string(-fd);
  struct stat status{};
  EXPECT_EQ(::fstat(static_cast<int>(fd), &status), 0);
  const int flags = ::fcntl(static_cast<int>(fd), F_GETFL) & (O_ACCMODE | O_PATH);
  const int kept = ::fcntl(static_cast<int>(fd), F_GETFD);
  ::close(static_cast<int>(fd));
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + " flags " +
         std::to_string(flags) + (kept & FD_CLOEXEC ? "" : " inherited");
}

std::string by_kernel(int root, const std::string& path, const open_how& how) {
  const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  return shown(fd < 0 ? -errno : fd);
}

std::string by_walking(int root, const std::string& path, const open_how& how) {
  return shown(sys::WalkInRoot(call_kernel, root, how.flags, how.mode, how.resolve).open(path.c_str()));
}

void make_tree() {
  for (const char* directory : {"/a", "/a/b", "/a/b/c", "/mounted", "/etc"})
    ASSERT_EQ(::mkdir(in_root(directory).c_str(), 0755), 0);
  for (const char* file : {"/file", "/a/b/file", "/etc/passwd"}) write_text(in_root(file), "text");
  ASSERT_EQ(::mount("tmpfs", in_root("/mounted").c_str(), "tmpfs", 0, nullptr), 0);
  write_text(in_root("/mounted/file"), "text");
  constexpr struct {
    const char *target, *name;
  } links[] = {{"/", "/top"},
               {"..", "/a/up"},
               {"../../../../../../etc", "/a/out"},
               {"/etc/passwd", "/absolute"},
               {"a/b", "/relative"},
               {"b/../b/./c/", "/a/crooked"},
               {"loop", "/loop"},
               {"/one", "/two"},
               {"/two", "/one"},
               {"nowhere", "/dangling"},
               {"file/", "/slash"},
               {"/a/out/passwd", "/chain"},
               {"/proc/self/root", "/magic"}};
  for (const auto& link : links) ASSERT_EQ(::symlink(link.target, in_root(link.name).c_str()), 0);
  ASSERT_EQ(::mkdir(in_root("/proc").c_str(), 0755), 0);
  ASSERT_EQ(::mount("proc", in_root("/proc").c_str(), "proc", 0, nullptr), 0);
}

constexpr const char* paths[] = {"",
                                 "/",
                                 ".",
                                 "..",
                                 "//",
                                 "a",
                                 "/a",
                                 "a/",
                                 "a//b/",
                                 "a/./b",
                                 "a/..",
                                 "a/../a/b/../..",
                                 "../../a",
                                 "/../..",
                                 "file",
                                 "file/",
                                 "file/.",
                                 "file/..",
                                 "file/x",
                                 "none",
                                 "none/x",
                                 "a/none/",
                                 "top",
                                 "top/a",
                                 "top/",
                                 "a/up",
                                 "a/up/file",
                                 "a/up/..",
                                 "a/out",
                                 "a/out/passwd",
                                 "a/out/../file",
                                 "absolute",
                                 "absolute/",
                                 "relative/c",
                                 "relative/../b/file",
                                 "a/crooked",
                                 "a/crooked/..",
                                 "a/crooked/../file",
                                 "loop",
                                 "loop/x",
                                 "one",
                                 "two/x",
                                 "dangling",
                                 "dangling/",
                                 "slash",
                                 "chain",
                                 "mounted",
                                 "mounted/file",
                                 "mounted/..",
                                 "mounted/../file",
                                 "a/b/c/../../../etc/passwd",
                                 "proc",
                                 "proc/self",
                                 "proc/self/status",
                                 "proc/self/root",
                                 "proc/self/root/etc",
                                 "proc/self/exe",
                                 "proc/self/cwd/x",
                                 "proc/self/fd/0",
                                 "proc/self/ns/mnt",
                                 "proc/mounts",
                                 "proc/net/dev",
                                 "proc/thread-self/attr",
                                 "magic",
                                 "magic/etc"};

TEST(WalkInRoot, FindsWhatTheKernelFinds) {
  in_child(CLONE_NEWNS, [] {
    const RootedOperations operations;
    make_tree();
    const int root = ::open(RootedOperations::root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int compared = 0;
    for (const std::uint64_t flags : {O_PATH, O_PATH | O_DIRECTORY, O_PATH | O_NOFOLLOW, O_RDONLY,
                                      O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY, O_WRONLY, O_RDWR})
      for (const std::uint64_t scope : {RESOLVE_IN_ROOT, RESOLVE_BENEATH})
        for (const std::uint64_t further : {0, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV})
          for (const std::string path : paths) {
            const open_how how{
                .flags = flags | O_CLOEXEC, .mode = 0, .resolve = scope | further | RESOLVE_NO_MAGICLINKS};
            EXPECT_EQ(by_walking(root, path, how), by_kernel(root, path, how))
                << path << " flags " << flags << " resolve " << how.resolve;
            compared++;
          }
    EXPECT_GT(compared, 2500);
  });
}

TEST(WalkInRoot, MakesAFileWhereTheKernelWould) {
  in_child(CLONE_NEWNS, [] {
    const RootedOperations operations;
    make_tree();
    const int root = ::open(RootedOperations::root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const auto make = [&](const char* path, int flags) {
      return sys::WalkInRoot(call_kernel, root, O_WRONLY | O_CREAT | flags, 0600, RESOLVE_IN_ROOT).open(path);
    };
    EXPECT_GE(make("a/new", 0), 0);
    EXPECT_TRUE(exists(in_root("/a/new")));
    EXPECT_GE(make("dangling", 0), 0);
    EXPECT_TRUE(exists(in_root("/nowhere")));
    EXPECT_EQ(make("absolute", O_EXCL), -EEXIST);
    EXPECT_EQ(make("a/new", O_EXCL), -EEXIST);
  });
}

TEST(WalkInRoot, LeavesNoDescriptorOpen) {
  in_child(CLONE_NEWNS, [] {
    const RootedOperations operations;
    make_tree();
    const int root = ::open(RootedOperations::root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (const std::string path : paths)
      for (const std::uint64_t scope : {RESOLVE_IN_ROOT, RESOLVE_BENEATH})
        shown(sys::WalkInRoot(call_kernel, root, O_PATH, 0, scope | RESOLVE_NO_XDEV).open(path.c_str()));
    const int next = ::open("/", O_PATH | O_CLOEXEC);
    EXPECT_EQ(next, root + 1);
  });
}

// Names that are exchanged all the time: a directory, or a file, and a link that leads out.
TEST(WalkInRoot, DoesNotGetOutWhileOthersRename) {
  in_child(CLONE_NEWNS, [] {
    const RootedOperations operations;
    make_tree();
    ASSERT_EQ(::mkdir("/tmp/outside", 0755), 0);
    write_text("/tmp/outside/file", "secret");
    ASSERT_EQ(::symlink("../../../tmp/outside", in_root("/a/link").c_str()), 0);
    ASSERT_EQ(::symlink("../outside/file", in_root("/last").c_str()), 0);
    struct stat secret{};
    ASSERT_EQ(::stat("/tmp/outside/file", &secret), 0);
    const int root = ::open(RootedOperations::root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const std::string a = in_root("/a/b"), b = in_root("/a/link"), c = in_root("/a/b/c"),
                      d = in_root("/moved"), file = in_root("/file"), last = in_root("/last");
    const pid_t swapper = ::fork();
    if (swapper == 0)
      for (;;) {
        ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
        ::syscall(SYS_renameat2, AT_FDCWD, file.c_str(), AT_FDCWD, last.c_str(), RENAME_EXCHANGE);
        ::rename(c.c_str(), d.c_str());  // what one came down by leads elsewhere
        ::rename(d.c_str(), c.c_str());
      }
    int found = 0;
    for (int i = 0; i < 20000; i++) {
      const char* path = std::array{"a/b/file", "a/b/c/../../../a/b/c/../file", "file"}[i % 3];
      const long fd = sys::WalkInRoot(call_kernel, root, O_RDONLY, 0, RESOLVE_IN_ROOT).open(path);
      if (fd < 0) continue;
      struct stat status{};
      EXPECT_EQ(::fstat(static_cast<int>(fd), &status), 0);
      EXPECT_FALSE(status.st_ino == secret.st_ino && status.st_dev == secret.st_dev);
      ::close(static_cast<int>(fd));
      found++;
    }
    ::kill(swapper, SIGKILL);
    ::waitpid(swapper, nullptr, 0);
    EXPECT_GT(found, 100);
  });
}

}  // namespace
}  // namespace tare::init
