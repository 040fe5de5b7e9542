// How tare-init makes and opens paths in a root it does not trust.
#include <climits>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;

constexpr std::int32_t out = 1;

class Paths : public RootedOperations {
 public:
  long make(const std::string& path, std::uint32_t flags = 0, std::uint64_t mode = 0700) {
    return perform(
        {.kind = Kind::make_directory, .flags = flags, .into = out, .a = mode, .path = path.c_str()});
  }
  long open(const std::string& path, std::uint32_t flags = 0) {
    return perform({.kind = Kind::open_directory, .flags = flags, .into = out, .path = path.c_str()});
  }
  /// What the last operation's descriptor shows, as the host names it.
  std::string found() {
    char target[PATH_MAX];
    const std::string link = "/proc/self/fd/" + std::to_string(slot(out));
    const ssize_t n = ::readlink(link.c_str(), target, sizeof target);
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
  }
};

void on_root(const std::function<void(Paths&)>& act) {
  in_child(CLONE_NEWNS, [&] {
    ::umask(0);
    Paths paths;
    act(paths);
  });
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(InitPaths, AreMadeWithTheirParentsAndOnlyTheLastGetsTheMode) {
  on_root([](Paths& paths) {
    EXPECT_EQ(paths.make("/a/b/c", 0, 0700), 0);
    EXPECT_EQ(paths.found(), in_root("/a/b/c"));
    EXPECT_EQ(mode_of(in_root("/a")), 0755U);
    EXPECT_EQ(mode_of(in_root("/a/b")), 0755U);
    EXPECT_EQ(mode_of(in_root("/a/b/c")), 0700U);
    EXPECT_EQ(paths.make("/a/b/c", 0, 0777), 0);
    EXPECT_EQ(mode_of(in_root("/a/b/c")), 0700U) << "what is there stays as it is";
  });
}

TEST(InitPaths, StayInTheRootHoweverManyDotsTheyHave) {
  on_root([](Paths& paths) {
    EXPECT_EQ(paths.make("/../../../../x/../y"), 0);
    EXPECT_EQ(paths.found(), in_root("/y"));
    EXPECT_TRUE(exists(in_root("/x")));
    EXPECT_FALSE(exists("/tmp/y"));
    EXPECT_EQ(paths.make("/../.."), 0);
    EXPECT_EQ(paths.found(), RootedOperations::root);
  });
}

TEST(InitPaths, TakeSlashesAndDotsWhereverTheyAre) {
  on_root([](Paths& paths) {
    EXPECT_EQ(paths.make("///a//.///b///"), 0);
    EXPECT_EQ(paths.found(), in_root("/a/b"));
    EXPECT_EQ(mode_of(in_root("/a/b")), 0700U);
    EXPECT_EQ(paths.make("c/."), 0);
    EXPECT_EQ(paths.found(), in_root("/c"));
    EXPECT_EQ(paths.make("/"), 0);
    EXPECT_EQ(paths.found(), RootedOperations::root);
    EXPECT_EQ(paths.open(""), -ENOENT);
  });
}

TEST(InitPaths, FollowSymlinksInsideTheRootOnly) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::mkdir(in_root("/real").c_str(), 0755), 0);
    EXPECT_EQ(::symlink("/real", in_root("/absolute").c_str()), 0);
    EXPECT_EQ(::symlink("../../../../real", in_root("/relative").c_str()), 0);
    EXPECT_EQ(::symlink("/tmp", in_root("/outside").c_str()), 0);
    EXPECT_EQ(paths.make("/absolute/a"), 0);
    EXPECT_EQ(paths.found(), in_root("/real/a"));
    EXPECT_EQ(paths.make("/relative/b"), 0);
    EXPECT_EQ(paths.found(), in_root("/real/b"));
    EXPECT_EQ(paths.make("/outside/c"), 0);
    EXPECT_EQ(paths.found(), in_root("/tmp/c")) << "its target was missing inside, and is made there";
    EXPECT_FALSE(exists("/tmp/c"));
  });
}

TEST(InitPaths, MakeWhatADanglingSymlinkStandsFor) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::mkdir(in_root("/d").c_str(), 0755), 0);
    EXPECT_EQ(::symlink("../new/deep", in_root("/d/link").c_str()), 0);
    EXPECT_EQ(::symlink("link", in_root("/d/second").c_str()), 0);
    EXPECT_EQ(::symlink("/d", in_root("/way").c_str()), 0);
    EXPECT_EQ(paths.make("/way/second/inner"), 0);
    EXPECT_EQ(paths.found(), in_root("/new/deep/inner"));
    EXPECT_EQ(::symlink("/made/", in_root("/last").c_str()), 0);
    EXPECT_EQ(paths.make("/last"), 0);
    EXPECT_EQ(paths.found(), in_root("/made"));
  });
}

TEST(InitPaths, EndInLoops) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::symlink("b", in_root("/a").c_str()), 0);
    EXPECT_EQ(::symlink("a", in_root("/b").c_str()), 0);
    EXPECT_EQ(::symlink("self/x", in_root("/self").c_str()), 0);
    EXPECT_EQ(paths.make("/a"), -ELOOP);
    EXPECT_EQ(paths.make("/a/c"), -ELOOP);
    EXPECT_EQ(paths.make("/self"), -ELOOP);
    EXPECT_EQ(paths.open("/a"), -ELOOP);
  });
}

TEST(InitPaths, FollowAsManyDanglingSymlinksAsTheKernelAndNoMore) {
  on_root([](Paths& paths) {
    for (int i = 0; i < 60; i++)
      EXPECT_EQ(::symlink(("l" + std::to_string(i + 1)).c_str(), in_root("/l" + std::to_string(i)).c_str()),
                0);
    EXPECT_EQ(paths.make("/l30/x"), 0);
    EXPECT_EQ(paths.found(), in_root("/l60/x"));
    EXPECT_EQ(::rmdir(in_root("/l60/x").c_str()), 0);
    EXPECT_EQ(::rmdir(in_root("/l60").c_str()), 0);
    EXPECT_EQ(paths.make("/l0/x"), -ELOOP);
  });
}

TEST(InitPaths, RefuseEverySymlinkWhereNoneMayBe) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::mkdir(in_root("/real").c_str(), 0755), 0);
    EXPECT_EQ(::symlink("/real", in_root("/link").c_str()), 0);
    EXPECT_EQ(::symlink("/nowhere", in_root("/dangling").c_str()), 0);
    for (const char* path : {"/link", "/link/x", "/dangling", "/dangling/x", "/real/../link"}) {
      EXPECT_EQ(paths.make(path, plan::no_symlinks), -ELOOP) << path;
      EXPECT_EQ(paths.open(path, plan::no_symlinks), -ELOOP) << path;
    }
    EXPECT_FALSE(exists(in_root("/nowhere")));
    EXPECT_FALSE(exists(in_root("/real/x")));
    EXPECT_EQ(paths.make("/real/x", plan::no_symlinks), 0);
  });
}

TEST(InitPaths, GoThroughNoMagicLinkOfProc) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::mkdir(in_root("/proc").c_str(), 0755), 0);
    EXPECT_EQ(::mount("proc", in_root("/proc").c_str(), "proc", 0, nullptr), 0);
    EXPECT_EQ(::symlink("/proc/self/root", in_root("/way").c_str()), 0);
    EXPECT_EQ(paths.open("/proc/self/root/tmp"), -ELOOP);
    EXPECT_EQ(paths.make("/way/tmp/x"), -ELOOP);
    EXPECT_EQ(paths.open("/proc/self/cwd"), -ELOOP);
  });
}

TEST(InitPaths, HaveNamesAndLengthsUpToTheKernelsLimits) {
  on_root([](Paths& paths) {
    const std::string name(255, 'n');
    EXPECT_EQ(paths.make("/" + name + "/" + name), 0);
    EXPECT_EQ(paths.found(), in_root("/" + name + "/" + name));
    EXPECT_EQ(paths.make("/" + std::string(256, 'n')), -ENAMETOOLONG);
    EXPECT_EQ(paths.make("/short/" + std::string(256, 'n')), -ENAMETOOLONG);

    std::string longest;
    while (longest.size() + 2 <= 4095) longest += "/d";
    longest.resize(4094);
    EXPECT_EQ(paths.make(longest + "e"), 0);
    EXPECT_EQ(paths.open(longest + "e"), 0);
    for (const std::size_t size : {4096, 4097, 5000, 70000})
      EXPECT_EQ(paths.make(longest + std::string(size - longest.size(), 'x')), -ENAMETOOLONG) << size;
  });
}

TEST(InitPaths, DoNotGrowPastTheLimitThroughSymlinks) {
  on_root([](Paths& paths) {
    std::string target;
    while (target.size() < 3000) target += "/" + std::string(200, 't');
    EXPECT_EQ(::symlink(target.c_str(), in_root("/grow").c_str()), 0);
    std::string rest;
    while (rest.size() < 2000) rest += "/" + std::string(200, 'r');
    EXPECT_EQ(paths.make("/grow" + rest), -ENAMETOOLONG);
    EXPECT_EQ(paths.make("/grow/x"), 0);
    EXPECT_EQ(paths.found(), in_root(target + "/x"));
  });
}

TEST(InitPaths, ThatLeadThroughAFileAreRefused) {
  on_root([](Paths& paths) {
    write_text(in_root("/file"), "text");
    EXPECT_EQ(paths.make("/file/x"), -ENOTDIR);
    EXPECT_EQ(paths.make("/file/x/y"), -ENOTDIR);
    EXPECT_EQ(paths.open("/file/"), -ENOTDIR);
    EXPECT_EQ(paths.make("/file/"), -ENOTDIR);
    EXPECT_EQ(text_of(in_root("/file")), "text");
  });
}

TEST(InitPaths, CannotBeMadeOnAReadOnlyRoot) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::mkdir(in_root("/there").c_str(), 0755), 0);
    EXPECT_EQ(::mount(nullptr, RootedOperations::root, nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    EXPECT_EQ(paths.make("/there"), 0);
    EXPECT_EQ(paths.make("/there/x"), -EROFS);
  });
}

TEST(InitPaths, LeaveNoDescriptorBehindButTheOneThatIsKept) {
  on_root([](Paths& paths) {
    EXPECT_EQ(::symlink("/x/y", in_root("/link").c_str()), 0);
    EXPECT_EQ(::symlink("loop", in_root("/loop").c_str()), 0);
    const auto next = [] {
      const int fd = ::open("/", O_PATH | O_CLOEXEC);
      ::close(fd);
      return fd;
    };
    const int before = next();
    const std::string too_long = "/" + std::string(300, 'n');
    for (const char* path : {"/a/b/c", "/link/z", "/loop", too_long.c_str(), "/a/b/c/d/e"}) {
      (void)paths.perform({.kind = Kind::make_directory, .into = plan::no_slot, .a = 0755, .path = path});
      EXPECT_EQ(next(), before) << path;
    }
  });
}

TEST(InitFiles, NodesAndSymlinksAppearInTheDirectoryOfTheSlot) {
  on_root([](Paths& paths) {
    EXPECT_EQ(paths.make("/dev"), 0);
    EXPECT_EQ(paths.perform({.kind = Kind::make_node,
                             .slot = out,
                             .into = 2,
                             .a = S_IFCHR | 0666,
                             .b = makedev(1, 3),
                             .text = "null"}),
              0);
    struct stat status{};
    EXPECT_EQ(::stat(in_root("/dev/null").c_str(), &status), 0);
    EXPECT_TRUE(S_ISCHR(status.st_mode));
    EXPECT_EQ(status.st_rdev, makedev(1, 3));
    EXPECT_EQ(status.st_mode & 07777, 0666U);
    EXPECT_EQ(::fstat(paths.slot(2), &status), 0);
    EXPECT_EQ(status.st_rdev, makedev(1, 3));
    EXPECT_EQ(paths.perform({.kind = Kind::make_symlink, .slot = out, .path = "fd", .text = "/proc/self/fd"}),
              0);
    char target[32] = {};
    EXPECT_EQ(::readlink(in_root("/dev/fd").c_str(), target, sizeof target), 13);
    EXPECT_STREQ(target, "/proc/self/fd");
  });
}

TEST(InitFiles, NodesAndSymlinksReplaceNothing) {
  on_root([](Paths& paths) {
    write_text(in_root("/taken"), "text");
    EXPECT_EQ(
        paths.perform(
            {.kind = Kind::make_node, .slot = 0, .a = S_IFCHR | 0666, .b = makedev(1, 3), .text = "taken"}),
        -EEXIST);
    EXPECT_EQ(paths.perform({.kind = Kind::make_symlink, .slot = 0, .path = "taken", .text = "/x"}), -EEXIST);
    EXPECT_EQ(text_of(in_root("/taken")), "text");
  });
}

}  // namespace
}  // namespace tare::init
