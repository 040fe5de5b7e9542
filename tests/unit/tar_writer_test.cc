// Trees written as archives: the headers by the letter of the format, the trees by reading them back.
#include "archive/tar_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "archive/confine.h"
#include "archive/tar_header.h"
#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::TemporaryDirectory, test::unpack_into;

std::string write(sys::Fd root) {
  const sys::UniqueFd before = sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY);
  const sys::UniqueFd file(::memfd_create("tar", MFD_CLOEXEC));
  write_tar(root, file);
  EXPECT_EQ(::fchdir(before.number()), 0);
  EXPECT_EQ(::lseek(file.number(), 0, SEEK_SET), 0);
  return sys::read_all(file, 64 << 20);
}

Entry file_entry(std::string_view name) {
  return {.kind = EntryKind::file, .name = name, .target = {}, .mode = 0644, .modified = {.tv_sec = 1000}};
}

TEST(TarHeader, APlainEntryIsOneUstarBlock) {
  Entry entry = file_entry("bin/sh");
  entry.mode = 04755;
  entry.uid = 1000;
  entry.size = 12345;
  const std::string block = make_tar_header(entry, {});
  ASSERT_EQ(block.size(), 512U);
  EXPECT_EQ(block.substr(0, 7), std::string("bin/sh\0", 7));
  EXPECT_EQ(block.substr(100, 8), std::string("0004755\0", 8));
  EXPECT_EQ(block.substr(108, 8), std::string("0001750\0", 8));
  EXPECT_EQ(block.substr(124, 12), std::string("00000030071\0", 12));
  EXPECT_EQ(block.substr(136, 12), std::string("00000001750\0", 12));
  EXPECT_EQ(block[156], '0');
  EXPECT_EQ(block.substr(257, 8), std::string("ustar\00000", 8));
  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; i++)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(block[i]);
  EXPECT_EQ(std::stoul(block.substr(148, 6), nullptr, 8), sum);
}

TEST(TarHeader, WhatDoesNotFitIsInRecordsThatCountTheirOwnLength) {
  const std::string name = std::string(120, 'n');
  Entry entry = file_entry(name);
  entry.gid = 4'000'000'000;
  entry.size = Bytes{8} << 30;
  entry.modified = {.tv_sec = 8'589'934'592, .tv_nsec = 120'000'000};
  const std::string header =
      make_tar_header(entry, {{"user.note", std::string("a\0b\n", 4)}, {"user.a=b", "x"}});
  ASSERT_EQ(header.size(), 3 * 512U);
  EXPECT_EQ(header[156], 'x');
  const std::string records = header.substr(512, 512);
  EXPECT_EQ(
      records.substr(0, records.find_last_not_of('\0') + 1),
      "130 path=" + name +
          "\n18 gid=4000000000\n19 size=8589934592\n23 mtime=8589934592.12\n31 SCHILY.xattr.user.note=" +
          std::string("a\0b\n\n", 5));
  EXPECT_EQ(header.substr(1024, 100), name.substr(0, 100));
}

TEST(TarHeader, TimesBefore1970AreNegativeAndDecimal) {
  const auto records = [](timespec time) {
    Entry entry = file_entry("x");
    entry.modified = time;
    const std::string text = make_tar_header(entry, {}).substr(512);
    return text.substr(0, text.find('\0'));
  };
  EXPECT_EQ(records({.tv_sec = -1, .tv_nsec = 0}), "12 mtime=-1\n");
  EXPECT_EQ(records({.tv_sec = -2, .tv_nsec = 500'000'000}), "14 mtime=-1.5\n");
  EXPECT_EQ(records({.tv_sec = -1, .tv_nsec = 999'999'999}), "22 mtime=-0.000000001\n");
  EXPECT_EQ(records({.tv_sec = 0, .tv_nsec = 1}), "21 mtime=0.000000001\n");
}

TEST(TarHeader, NamesThatAreNotUtf8AreSaidToBeBytes) {
  EXPECT_TRUE(make_tar_header(file_entry("\xc3\xbc"), {}).contains("11 path=\xc3\xbc\n"));
  EXPECT_FALSE(make_tar_header(file_entry("\xc3\xbc"), {}).contains("hdrcharset"));
  EXPECT_TRUE(make_tar_header(file_entry("\xff"), {}).contains("21 hdrcharset=BINARY\n9 path=\xff\n"));
}

TEST(TarWriter, WhatIsWrittenIsReadBackTheSame) {
  const TemporaryDirectory from, to;
  ASSERT_TRUE(test::shell("cd " + from.path.value + R"sh(
    set -e
    mkdir -p a/b "$(printf 'n%.0s' $(seq 200))/deep"
    printf data >a/file; ln a/file a/b/hard; ln a/file third
    ln -s ../../outside a/link; ln -s "$(printf 't%.0s' $(seq 300))" long
    mkfifo a/fifo; mknod a/null c 1 3; mknod a/disk b 240 70000
    printf x >"$(printf '\377\200\n')"; printf y >ü; truncate -s 1M sparse; : >empty
    chown 3000000:4000000 a/file; chown -h 7:8 a/link; chmod 6751 a/file; chmod 1777 a; chmod 0 empty
    setfattr -n user.note -v kept a/file; setfattr -n user.overlay.opaque -v y a/b; setcap cap_net_raw+ep third
    touch -d @8589934592.123456789 ü; touch -d @0 empty; touch -d '1960-01-01 00:00' sparse
    touch -h -d @5 a/link; touch -d @77.5 a/b a; touch -d @99 .)sh"));
  unpack_into(write(from.fd), to.fd);
  const std::string list =
      " && find . -printf '%p %y %m %U %G %n %T@ %l\\n' | grep -av ' d ' | sort;"
      " find . -type d -printf '%p %m %U %G %T@\\n' | sort; getfattr -Rd -m - . 2>/dev/null;"
      " find . -type f -exec sha256sum {} + | sort";
  const auto described = [&](const std::string& path) {
    FILE* pipe = ::popen(("cd " + path + list).c_str(), "r");
    std::string text;
    for (int c; (c = std::fgetc(pipe)) != EOF;) text.push_back(static_cast<char>(c));
    EXPECT_EQ(::pclose(pipe), 0);
    return text;
  };
  std::string expected = described(from.path.value);
  const std::string overlays_own = "# file: a/b\nuser.overlay.opaque=\"y\"\n\n";
  const auto at = expected.find(overlays_own);
  ASSERT_NE(at, std::string::npos);
  expected.erase(at, overlays_own.size());
  EXPECT_EQ(described(to.path.value), expected);
}

TEST(TarWriter, NothingOutsideIsReadWhateverTheTreeHas) {
  const TemporaryDirectory from, outside;
  test::shell("cd " + from.path.value + " && ln -s " + outside.path.value + " link && printf secret >" +
              outside.path.value + "/file && ln -s / root && mkdir mounted");
  const std::string tar = write(from.fd);
  EXPECT_FALSE(tar.contains("secret"));
  EXPECT_EQ(tar.size() % 512, 0U);
  EXPECT_EQ(tar.size(), 512U * (4 * 3 + 2)) << "four entries with fractions in their times";
}

TEST(TarWriter, DeepTreesTakeNoMoreDescriptors) {
  const TemporaryDirectory from;
  ASSERT_TRUE(test::shell("mkdir -p " + from.path.value + "/$(printf 'd/%.0s' $(seq 200)) && cd " +
                          from.path.value + "/$(printf 'd/%.0s' $(seq 200)) && printf x >bottom"));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{.rlim_cur = 30, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const std::string tar = write(from.fd);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(tar.contains("/d/d/bottom\n"));
}

TEST(TarWriter, WorksInAProcessThatMayOnlyRead) {
  const TemporaryDirectory from;
  test::shell("cd " + from.path.value +
              " && mkdir -m 0 closed && printf text >closed/file && chmod 0 closed/file && ln -s x l"
              " && setfattr -n user.a -v b closed && mkfifo p && chown -R 5:5 .");
  const sys::UniqueFd file(::memfd_create("tar", MFD_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      confine_to_reading(from.fd, {file});
      write_tar(from.fd, file);
      ::_exit(sys::try_open_at(from.fd, "new", O_WRONLY | O_CREAT, 0600) ||
                      ::open("/etc/passwd", O_RDONLY) >= 0
                  ? 2
                  : 0);
    } catch (const std::exception& error) {
      (void)!::write(2, error.what(), std::strlen(error.what()));
    }
    ::_exit(1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::lseek(file.number(), 0, SEEK_SET), 0);
  const TemporaryDirectory to;
  unpack_into(sys::read_all(file, 1 << 20), to.fd);
  EXPECT_EQ(sys::read_file(to.fd, "closed/file"), "text");
}

}  // namespace
}  // namespace tare::archive
