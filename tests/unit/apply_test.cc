#include "archive/apply.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::unpack_into, test::error_of, test::has, test::shell, test::TarBuilder, test::TemporaryDirectory;

struct stat status(const TemporaryDirectory& directory, const std::string& name) {
  const auto found = sys::try_status(directory.fd, name, AT_SYMLINK_NOFOLLOW);
  EXPECT_TRUE(found) << name;
  return found.value_or(std::decay_t<decltype(*found)>{});
}

std::string contents(const TemporaryDirectory& directory, const std::string& name) {
  return sys::read_file(directory.fd, name);
}

std::string refusal(const TarBuilder& tar, const TemporaryDirectory& directory) {
  return error_of([&] { unpack_into(tar.bytes(), directory.fd); });
}

TEST(Apply, GivesFilesTheirContentsModeOwnerAndTime) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.add({.name = "./", .type = '5', .mode = 0711, .uid = 3, .gid = 4, .mtime = 99})
      .add({.name = "./bin/", .type = '5', .mode = 01775, .uid = 1, .gid = 2, .mtime = 77})
      .add({.name = "./bin/su", .mode = 06755, .uid = 1000, .gid = 5, .mtime = 1234567}, "#!")
      .pax("mtime", "1700000000.123456789")
      .pax("uid", "4000000000")
      .file("/absolute/name", "here")
      .pax("mtime", "-1000000000.25")
      .file("old")
      .pax("mtime", "-7")
      .file("whole");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(status(root, ".").st_mode, S_IFDIR | 0711u);
  EXPECT_EQ(status(root, ".").st_uid, 3u);
  EXPECT_EQ(status(root, ".").st_mtim.tv_sec, 99);
  EXPECT_EQ(status(root, "bin").st_mode, S_IFDIR | 01775u);
  EXPECT_EQ(status(root, "bin").st_mtim.tv_sec, 77);
  EXPECT_EQ(status(root, "bin/su").st_mode, S_IFREG | 06755u);
  EXPECT_EQ(status(root, "bin/su").st_gid, 5u);
  EXPECT_EQ(status(root, "bin/su").st_mtim.tv_sec, 1234567);
  EXPECT_EQ(contents(root, "bin/su"), "#!");
  EXPECT_EQ(status(root, "absolute/name").st_mtim.tv_nsec, 123456789);
  EXPECT_EQ(status(root, "absolute/name").st_uid, 4000000000u);
  EXPECT_EQ(status(root, "absolute").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(status(root, "old").st_mtim.tv_sec, -1'000'000'001);
  EXPECT_EQ(status(root, "old").st_mtim.tv_nsec, 750'000'000);
  EXPECT_EQ(status(root, "whole").st_mtim.tv_sec, -7);
}

TEST(Apply, KeepsDirectoryTimesWhateverComesLater) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.add({.name = "a", .type = '5', .mtime = 1})
      .add({.name = "a/b", .type = '5', .mtime = 2})
      .file("a/b/1")
      .file("c")
      .file("a/2")
      .file("a/b/3")
      .file("a/new/deep/4")
      .hard_link("a/5", "a/b/1")
      .file("a/b/1", "replaced");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(status(root, "a").st_mtim.tv_sec, 1);
  EXPECT_EQ(status(root, "a/b").st_mtim.tv_sec, 2);
  EXPECT_EQ(contents(root, "a/5"), "x");
  EXPECT_EQ(contents(root, "a/b/1"), "replaced");
}

TEST(Apply, MakesDevicesFifosAndSymlinksToAnywhere) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
      .add({.name = "disk", .type = '4', .mode = 0660, .uid = 0, .gid = 6, .major = 8, .minor = 1})
      .add({.name = "pipe", .type = '6', .mode = 0600})
      .add({.name = "link", .type = '2', .target = "../../../etc/\xff", .uid = 7, .mtime = 5})
      .symlink("absolute", "/etc/passwd")
      .hard_link("same link", "link");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(status(root, "null").st_rdev, makedev(1, 3));
  EXPECT_EQ(status(root, "null").st_mode, S_IFCHR | 0666u);
  EXPECT_EQ(status(root, "disk").st_mode, S_IFBLK | 0660u);
  EXPECT_EQ(status(root, "pipe").st_mode, S_IFIFO | 0600u);
  EXPECT_EQ(sys::try_read_link(root.fd, "link"), "../../../etc/\xff");
  EXPECT_EQ(status(root, "link").st_mtim.tv_sec, 5);
  EXPECT_EQ(status(root, "link").st_uid, 7u);
  EXPECT_EQ(status(root, "link").st_ino, status(root, "same link").st_ino);
}

TEST(Apply, SetsAttributesThatTravelAndLeavesOutThoseOfTheMachine) {
  const TemporaryDirectory root;
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  TarBuilder tar;
  tar.pax("SCHILY.xattr.user.with.zero", std::string("a\0b\n", 4))
      .pax("SCHILY.xattr.security.capability", capability)
      .pax("SCHILY.xattr.security.selinux", "system_u:object_r:bin_t:s0")
      .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
      .add({.name = "ping", .mode = 0755, .uid = 9}, "elf")
      .pax("SCHILY.xattr.user.dir", "d")
      .directory("dir");
  unpack_into(tar.bytes(), root.fd);
  char value[64];
  const std::string path = (root.path / "ping").value;
  EXPECT_EQ(::getxattr(path.c_str(), "user.with.zero", value, sizeof value), 4);
  EXPECT_EQ(std::string(value, 4), std::string("a\0b\n", 4));
  ASSERT_EQ(::getxattr(path.c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_EQ(std::string(value, 20), capability);
  EXPECT_EQ(::getxattr(path.c_str(), "security.selinux", value, sizeof value), -1);
  EXPECT_EQ(::getxattr(path.c_str(), "trusted.overlay.opaque", value, sizeof value), -1);
  EXPECT_EQ(::getxattr((root.path / "dir").c_str(), "user.dir", value, sizeof value), 1);
}

TEST(Apply, LaterEntriesReplaceEarlierOnes) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.file("file", "one").file("file", "two");
  tar.file("directory/with/contents").file("directory", "now a file");
  tar.file("becomes", "a file").file("becomes-2").directory("becomes").file("becomes/inner");
  tar.symlink("link", "file").directory("link").file("link/inner", "not through the link");
  tar.directory("kept").file("kept/inside").directory("kept", 0700);
  tar.symlink("to-file", "file").file("to-file", "itself");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(contents(root, "file"), "two");
  EXPECT_EQ(contents(root, "directory"), "now a file");
  EXPECT_EQ(contents(root, "becomes/inner"), "x");
  EXPECT_EQ(contents(root, "link/inner"), "not through the link");
  EXPECT_EQ(contents(root, "kept/inside"), "x");
  EXPECT_EQ(status(root, "kept").st_mode, S_IFDIR | 0700u);
  EXPECT_EQ(contents(root, "to-file"), "itself");
}

TEST(Apply, FollowsSymlinksThatStayInside) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.directory("usr/lib").symlink("lib", "usr/lib").file("lib/libc", "c").symlink("usr/up", "../usr/lib");
  tar.file("usr/up/libm", "m").hard_link("lib/libd", "usr/up/libm").file("usr/../top", "t");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(contents(root, "usr/lib/libc"), "c");
  EXPECT_EQ(contents(root, "usr/lib/libm"), "m");
  EXPECT_EQ(contents(root, "usr/lib/libd"), "m");
  EXPECT_EQ(contents(root, "top"), "t");
}

struct Hostile {
  TarBuilder tar;
  std::string says;
};

TEST(Apply, RefusesWhatWouldLandOutsideWithOneLineThatNamesTheEntry) {
  const TemporaryDirectory outside;
  sys::create_file(outside.fd, "victim", "untouched");
  const std::string out = outside.path.value, up = "../" + out.substr(out.find_last_of('/') + 1);
  const Hostile cases[] = {
      {TarBuilder().file("../evil"), "entry ../evil: leads outside of the archive's root: refused"},
      {TarBuilder().file("a/../../evil"), "entry a/../../evil: leads outside of the archive's root: refused"},
      {TarBuilder().file("/../evil"), "entry /../evil: leads outside"},
      {TarBuilder().directory(".."), "entry ..: leads outside"},
      {TarBuilder().symlink("x", out).file("x/victim"),
       "entry x/victim: its parent x is a symlink that leads outside"},
      {TarBuilder().symlink("x", up).file("x/victim"),
       "entry x/victim: its parent x is a symlink that leads outside"},
      {TarBuilder().symlink("x", "..").symlink("y", "x/..").file("y/e"),
       "entry y/e: its parent y is a symlink that"},
      {TarBuilder().symlink("x", out).file("x/new/deep/file"),
       "its parent x/new/deep is a symlink that leads outside"},
      {TarBuilder().symlink("x", out).directory("x/new"),
       "entry x/new: its parent x is a symlink that leads outside"},
      {TarBuilder().hard_link("x", out + "/victim"), "is not in the archive before it"},
      {TarBuilder().hard_link("x", up + "/victim"), "leads outside of the archive's root: refused"},
      {TarBuilder().symlink("d", out).hard_link("x", "d/victim"),
       "which leads outside of the archive's root: refused"},
      {TarBuilder().symlink("d", up).hard_link("x", "d/victim"),
       "which leads outside of the archive's root: refused"},
      {TarBuilder().file("a").file("a/b"), "entry a/b: its parent a is not a directory"},
      {TarBuilder().symlink("x", "nowhere").file("x/b"), "entry x/b: its parent x is a symlink to nothing"},
      {TarBuilder().symlink("x", "x").file("x/b"), "entry x/b: its parent x is a loop of symlinks"},
      {TarBuilder().symlink("x", "/proc/self/cwd").file("x/b"),
       "entry x/b: its parent x is a symlink that leads outside"},
      {TarBuilder().hard_link("x", "missing"),
       "entry x: a hard link to missing, which is not in the archive"},
      {TarBuilder().directory("d").hard_link("x", "d"), "entry x: a hard link to the directory d: refused"},
      {TarBuilder().symlink(".", "x"), "the archive's root is not a directory"},
      {TarBuilder().file("a/" + std::string(5000, 'b')), "a name of 5002 bytes, and 4095 is the most"},
      {TarBuilder().file(std::string(256, 'b')), "cannot create the file: File name too long"},
      {TarBuilder().pax("uid", "4294967295").file("a"), "entry a: an impossible owner 4294967295"},
  };
  for (const Hostile& hostile : cases) {
    const TemporaryDirectory root;
    const std::string error = refusal(hostile.tar, root);
    EXPECT_TRUE(has(error, hostile.says)) << error << "\nwanted: " << hostile.says;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    EXPECT_EQ(sys::list_directory(outside.fd, "."), std::vector<std::string>{"victim"});
    EXPECT_EQ(contents(outside, "victim"), "untouched");
    EXPECT_EQ(status(outside, "victim").st_nlink, 1u);
  }
}

TEST(Apply, LinksASymlinkItselfAndNotWhatItPointsTo) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.symlink("passwd", "/etc/passwd").hard_link("copy", "passwd").hard_link("copy", "copy");
  unpack_into(tar.bytes(), root.fd);
  EXPECT_EQ(sys::try_read_link(root.fd, "copy"), "/etc/passwd");
}

TEST(Apply, TakesAnArchiveWithoutEntriesAndRefusesWhatIsNone) {
  const TemporaryDirectory root;
  unpack_into(std::string(1024, '\0'), root.fd);
  unpack_into(std::string(10240, '\0'), root.fd);
  EXPECT_TRUE(sys::list_directory(root.fd, ".").empty());
  const auto refused = [&](std::string_view bytes) { return error_of([&] { unpack_into(bytes, root.fd); }); };
  EXPECT_EQ(refused(""), "not a tar archive: it is empty (0 bytes)");
  EXPECT_EQ(refused("hello\n"), "not a tar archive");
  EXPECT_EQ(refused(std::string(5000, 'a')), "not a tar archive");
  EXPECT_EQ(refused(std::string("PK\3\4") + std::string(2000, 'z')),
            "not a tar archive: it is a zip archive");
  EXPECT_EQ(refused("070701" + std::string(600, '0')), "not a tar archive: it is a cpio archive");
}

TEST(Apply, NamesTruncationAtEveryLengthThatLosesSomething) {
  TarBuilder tar;
  tar.file("first", std::string(700, 'a')).pax("mtime", "5.5").file("second", std::string(2000, 'b'));
  const std::string bytes = tar.unfinished();
  for (std::size_t cut = 1; cut < bytes.size(); cut += 73) {
    const TemporaryDirectory root;
    const std::string error = error_of([&] { unpack_into(bytes.substr(0, cut), root.fd); });
    if (cut < 512) {
      EXPECT_EQ(error, "not a tar archive") << cut;
    } else if (cut != 512 * 3) {
      EXPECT_TRUE(has(error, "damaged or ends early after " + std::to_string(cut))) << error;
    }
  }
}

TEST(Apply, KeepsHolesAndCountsThemForNothing) {
  const TemporaryDirectory work, root;
  const std::string make =
      "cd " + work.path.value +
      " && truncate -s 300M big && printf data | dd of=big bs=1 seek=1M conv=notrunc status=none"
      " && printf end | dd of=big bs=1 seek=200M conv=notrunc status=none && truncate -s 1M hole";
  ASSERT_TRUE(shell(make));
  for (const char* form : {"--format=gnu", "--format=posix --sparse-version=0.0",
                           "--format=posix --sparse-version=0.1", "--format=posix --sparse-version=1.0"}) {
    ASSERT_TRUE(shell("cd " + work.path.value + " && tar -S " + form + " -cf t.tar big hole"));
    const std::string bytes = sys::read_file(work.fd, "t.tar");
    unpack_into(bytes, root.fd, {.unpacked = 1 << 20});
    EXPECT_EQ(status(root, "big").st_size, 300 << 20) << form;
    EXPECT_LT(status(root, "big").st_blocks, 64) << form;
    EXPECT_EQ(status(root, "hole").st_size, 1 << 20) << form;
    EXPECT_TRUE(shell("cmp " + (work.path / "big").value + " " + (root.path / "big").value)) << form;
  }
}

TEST(Apply, StopsAtTheLimits) {
  const TemporaryDirectory root;
  TarBuilder tar;
  for (int i = 0; i < 50; i++) tar.file("f" + std::to_string(i), std::string(100'000, 'x'));
  const std::string bytes = tar.bytes();
  EXPECT_TRUE(has(error_of([&] { unpack_into(bytes, root.fd, {.unpacked = 1 << 20}); }),
                  "larger than the limit of 1M when unpacked (raise it with TARE_UNPACK_LIMIT=SIZE)"));
  EXPECT_TRUE(has(error_of([&] { unpack_into(bytes, root.fd, {.entries = 10}); }),
                  "more than the limit of 10 files"));
  TarBuilder deep;
  std::string name;
  for (int i = 0; i < 1000; i++) name += "d/";
  deep.file(name + "f").file("g");
  EXPECT_TRUE(
      has(error_of([&] { unpack_into(deep.bytes(), root.fd, {.entries = 500}); }), "more than the limit"));
}

TEST(Apply, KeepsNamesByteForByte) {
  const TemporaryDirectory root;
  const std::string longest(255, '\xe9'), latin = "caf\xe9", utf8 = "caf\xc3\xa9", odd = "a\nb\\ \x01\x7f";
  std::string deep;
  for (int i = 0; i < 15; i++) deep += longest + "/";
  TarBuilder tar;
  tar.file(latin).file(utf8).file(odd).file(deep + longest.substr(0, 200), "deep");
  tar.pax("path", "pax-\xff\xfe").file("ignored").pax("path", "pax-\xc3\xa9").file("ignored");
  tar.pax("hdrcharset", "BINARY").pax("path", "binary-\xff").file("ignored");
  tar.pax("linkpath", "to-\xff").symlink("link", "ignored").file(".wh.ordinary");
  unpack_into(tar.bytes(), root.fd);
  for (const std::string& name :
       {latin, utf8, odd, std::string("pax-\xff\xfe"), std::string("pax-\xc3\xa9"),
        std::string("binary-\xff"), deep + longest.substr(0, 200), std::string(".wh.ordinary")})
    EXPECT_TRUE(sys::exists(root.fd, name)) << name;
  EXPECT_EQ(sys::try_read_link(root.fd, "link"), "to-\xff");
}

// Run with sh -e in a new directory.
constexpr const char* make_a_tree = R"sh(mkdir -p in/a/b in/private; cd in
echo one > a/one; ln a/one a/b/hard; ln -s ../../nowhere a/soft; ln -s /etc/passwd absolute
mknod a/null c 1 3; mkfifo a/pipe; touch -d '2001-02-03 04:05:06.789' a/one a/b
touch -h -d '1999-01-01 00:00:00.5' a/soft; chown 12345:54321 a/b/hard private; chown -h 7:8 a/soft
chmod 4755 a/one; chmod 2775 a/b; chmod 1777 a; chmod 0 private
setfattr -n user.note -v "$(seq 100)" a/one; setfattr -n user.dir -v x a
printf x > "$(printf 'na\nme\377')"; cp /bin/true ping; setcap cap_net_raw+ep ping
truncate -s 1M sparse; printf y >> sparse; touch -d '2010-01-01' a . private)sh";

constexpr const char* list_a_tree = R"sh(
find . -printf '%P|%y|%m|%U|%G|%T@|%l|%n|%s\n' | LC_ALL=C sort > ../$OUT.list
getfattr -R -h -d -m - . 2>/dev/null >> ../$OUT.list
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >> ../$OUT.list)sh";

TEST(Apply, MakesTheSameTreeAsTar) {
  const TemporaryDirectory work;
  const std::string enter = "set -e; cd " + work.path.value + "; ";
  const std::string attributes = " --xattrs --xattrs-include='*' --acls ";
  ASSERT_TRUE(shell(enter + make_a_tree));
  for (const std::string form : {"--format=posix", "--format=posix -S"}) {
    const std::string pack =
        "rm -rf theirs ours; mkdir theirs ours; tar " + form + attributes + "-cf t.tar -C in .; ";
    ASSERT_TRUE(shell(enter + pack + "tar" + attributes + "-p -xf t.tar -C theirs"));
    unpack_into(sys::read_file(work.fd, "t.tar"), sys::open_at(work.fd, "ours", O_RDONLY | O_DIRECTORY));
    for (const std::string tree : {"in", "theirs", "ours"})
      ASSERT_TRUE(shell(enter + "OUT=" + tree + "; cd " + tree + list_a_tree));
    EXPECT_EQ(contents(work, "ours.list"), contents(work, "theirs.list")) << form;
    EXPECT_EQ(contents(work, "ours.list"), contents(work, "in.list")) << form;
    EXPECT_GT(contents(work, "ours.list").size(), 1000u);
  }
}

TEST(Apply, SurvivesDamageOfEveryKindAndNeverWritesOutside) {
  TarBuilder tar;
  tar.directory("./").symlink("in", "d").directory("d").file("d/f", std::string(900, 'q'));
  tar.symlink("out", "../outside").file("in/g").hard_link("h", "d/f").pax("SCHILY.xattr.user.a", "b");
  tar.pax("mtime", "1.5").file("z").add({.name = "p", .type = '6'}).file("d/" + std::string(120, 'n'));
  tar.pax("GNU.sparse.major", "1").pax("GNU.sparse.minor", "0").pax("GNU.sparse.realsize", "4096");
  tar.pax("GNU.sparse.name", "sparse").file("s", "1\n0\n512\n" + std::string(504 + 512, 's'));
  const std::string good = tar.bytes();
  const TemporaryDirectory work;
  sys::make_directory(work.fd, "outside");
  std::uint32_t state = 1;
  const auto random = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
  int refused = 0;
  constexpr std::string_view fragments[] = {"../", "out/",    "/", "..",      "\xff",
                                            "0",   "9999999", "=", "in/../.."};
  for (int round = 0; round < 4000; round++) {
    std::string bad = good;
    for (std::uint32_t changes = 1 + random() % 4; changes > 0; changes--) {
      const std::size_t block = random() % (bad.size() / 512) * 512;
      const std::string_view fragment = fragments[random() % std::size(fragments)];
      const std::size_t fields[] = {0, 124, 136, 156, 157, 345, 257, random() % 500};
      if (random() % 3 == 0)
        bad[block + random() % 512] = static_cast<char>(random());
      else
        bad.replace(block + fields[random() % 8], fragment.size(), fragment);
      if (random() % 8 != 0) {  // mostly with a right checksum, so that it gets further
        std::memset(&bad[block + 148], ' ', 8);
        unsigned sum = 0;
        for (std::size_t i = 0; i < 512; i++) sum += static_cast<unsigned char>(bad[block + i]);
        std::snprintf(&bad[block + 148], 8, "%06o", sum);
      }
    }
    if (random() % 16 == 0) bad.resize(random() % bad.size());
    sys::make_directory(work.fd, "root");
    refused += !error_of([&] {
                  unpack_into(bad, sys::open_at(work.fd, "root", O_RDONLY | O_DIRECTORY),
                              {.unpacked = 1 << 24, .entries = 1000});
                }).empty();
    ASSERT_TRUE(sys::list_directory(work.fd, "outside").empty()) << round;
    ASSERT_EQ(sys::list_directory(work.fd, ".").size(), 2u) << round;
    sys::remove_tree(work.fd, "root");
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 3999);
}

}  // namespace
}  // namespace tare::archive
