// An overlay's upper directory becomes a layer, and the layer the same directory again.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "archive/confine.h"
#include "archive/tar_writer.h"
#include "archive/whiteout.h"
#include "image/layer.h"
#include "store/merged.h"
#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::error_of, test::has, test::shell, test::TemporaryDirectory;

std::string write(sys::Fd upper, UpperMarks marks = UpperMarks::trusted, WrittenTree* written = nullptr) {
  const sys::UniqueFd before = sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY);
  std::string tar;
  try {
    const WrittenTree tree = write_layer(upper, marks, [&](std::string_view bytes) { tar += bytes; });
    if (written) *written = tree;
  } catch (const Error&) {
    EXPECT_EQ(::fchdir(before.number()), 0);
    throw;
  }
  EXPECT_EQ(::fchdir(before.number()), 0);
  return tar;
}

void apply_layer(std::string_view tar, sys::Fd root) {
  test::unpack_into(tar, root, {.whiteouts = Whiteouts::overlay}, mark_opaque_as_trusted);
}

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text.push_back(static_cast<char>(c));
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return text;
}

/// All that is in a tree, with the attributes whose names fit. A whiteout is a name and nothing else.
std::string described(const HostPath& path, const std::string& attributes) {
  return output_of("cd " + path.value + R"sh( && find . \( -type c -printf '%p %y\n' \) -o \
      \( -type d -printf '%p %y %m %U %G %T@\n' \) -o -printf '%p %y %m %U %G %n %T@ %l %s\n' | sort;
      find . -type f -exec sha256sum {} + | sort
      getfattr -Rdh -m ')sh" +
                   attributes + R"sh(' . 2>/dev/null | awk '/^# file/ { f = $0; next } NF { print f, $0 }' |
      sort)sh");
}

/// What somebody did in an overlay, in `work`: lower, upper.
void make_upper(const TemporaryDirectory& work) {
  ASSERT_TRUE(shell("cd " + work.path.value + R"sh( && set -e
    mkdir -p lower/etc lower/opt/a/b lower/gone lower/again/old lower/moved merged upper workdir
    for f in etc/passwd etc/group opt/a/x opt/a/b/y gone/z again/old/q moved/m top hard; do echo $f >lower/$f; done
    mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=workdir overlay merged; cd merged
    rm etc/group top; rm -r gone; rm -r again; mkdir again; echo new >again/new; mkdir -m 700 opt/a/b/c
    rm -r opt/a/b; mkdir opt/a/b; echo passwd >>etc/passwd; rm etc/passwd; mkdir etc/passwd; rm -r moved; echo >moved
    ln hard hard2; ln hard etc/hard3; mkfifo fifo; ln -s nowhere link; truncate -s 1M sparse; echo x >>sparse
    printf x >"$(printf '\377')"; echo >"$(printf 'n%.0s' $(seq 255))"; chown 5:6 etc; setfattr -n user.a -v b etc
    cp /bin/true ping; setcap cap_net_raw+ep ping; chmod 4755 hard; touch -d '1960-01-01 00:00:00.25' etc/hard3 etc
    touch -h -d @77.5 link; touch -d @99 .; cd ..; umount merged)sh"));
}

TEST(LayerWriter, WhatAnOverlayChangedComesBackTheSame) {
  const TemporaryDirectory work, to;
  make_upper(work);
  const sys::UniqueFd upper = sys::open_at(work.fd, "upper", O_RDONLY | O_DIRECTORY);
  apply_layer(write(upper), to.fd);
  const std::string marks = "trusted.overlay.opaque|user.a|security";
  const std::string expected = described(work.path / "upper", marks);
  EXPECT_TRUE(has(expected, "trusted.overlay.opaque=\"y\"")) << "of again, and others";
  EXPECT_TRUE(has(expected, "./etc/group c\n"));
  EXPECT_EQ(described(to.path, marks), expected);
  // And so do both layers together, in either kind of overlay.
  ASSERT_TRUE(shell("mkdir " + work.path.value + "/before " + work.path.value + "/after"));
  const auto seen = [&](const HostPath& top, const char* options) {
    const std::string at = (work.path / "merged").value;
    const std::string lower = "ro,lowerdir=" + top.value + ":" + (work.path / "lower").value + options;
    EXPECT_EQ(::mount("overlay", at.c_str(), "overlay", 0, lower.c_str()), 0);
    std::string text = described(HostPath(at), "user.a|security");
    ::umount(at.c_str());
    return text;
  };
  const std::string together = seen(work.path / "upper", "");
  EXPECT_EQ(seen(to.path, ""), together);
  EXPECT_EQ(seen(to.path, ",userxattr"), together);
}

TEST(LayerWriter, TheSameTreeIsTheSameBytesAndWhiteoutsComeFirst) {
  const TemporaryDirectory work;
  make_upper(work);
  ASSERT_TRUE(shell("cd " + work.path.value +
                    " && mkdir copy && tar --xattrs --xattrs-include='*' -cf t.tar -C upper . &&"
                    " tar --xattrs --xattrs-include='*' -xpf t.tar -C copy"));
  const std::string tar = write(sys::open_at(work.fd, "upper", O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(write(sys::open_at(work.fd, "copy", O_RDONLY | O_DIRECTORY)), tar);
  sys::replace_file(work.fd, "layer.tar", tar);
  const std::string names = output_of("tar -tf " + (work.path / "layer.tar").value + " 2>/dev/null");
  EXPECT_TRUE(
      names.starts_with("./\n.wh.gone\n.wh.top\nagain/\nagain/.wh..wh..opq\nagain/new\netc/\n"
                        "etc/.wh.group\netc/hard3\n"))
      << names;
  EXPECT_TRUE(has(names, "opt/a/b/\nopt/a/b/.wh..wh..opq\n")) << names;
}

TEST(LayerWriter, OnlyTheMarksOfItsOwnOverlayCount) {
  const TemporaryDirectory from;
  ASSERT_TRUE(
      shell("cd " + from.path.value +
            " && mkdir t u n && setfattr -n trusted.overlay.opaque -v y t"
            " && setfattr -n user.overlay.opaque -v y u && setfattr -n trusted.overlay.opaque -v x n"));
  const std::string trusted = write(from.fd), user = write(from.fd, UpperMarks::user);
  EXPECT_TRUE(has(trusted, "t/.wh..wh..opq") && !has(trusted, "u/.wh..wh..opq"));
  EXPECT_TRUE(has(user, "u/.wh..wh..opq") && !has(user, "t/.wh..wh..opq"));
  EXPECT_FALSE(has(trusted, "n/.wh"));
  EXPECT_FALSE(has(trusted + user, "overlay"));
}

TEST(LayerWriter, RefusesWhatALayerCannotSay) {
  const std::pair<const char*, const char*> cases[] = {
      {"touch .wh.victim", ".wh.victim: a file of such a name cannot be in a layer"},
      {"mkdir -p d/.wh..wh..opq", "d/.wh..wh..opq: a file of such a name cannot be in a layer"},
      {"mkdir d && setfattr -n trusted.overlay.redirect -v /e d",
       "d: not all of it is in the overlay's upper"},
      {"touch f && setfattr -n trusted.overlay.metacopy f", "f: not all of it is in the overlay's upper"},
  };
  for (const auto& [make, says] : cases) {
    const TemporaryDirectory from;
    ASSERT_TRUE(shell("cd " + from.path.value + " && " + make));
    const std::string error = error_of([&] { write(from.fd); });
    EXPECT_TRUE(has(error, says)) << error;
  }
}

TEST(LayerWriter, SocketsAreLeftOutAndCounted) {
  const TemporaryDirectory from;
  for (const char* name : {"one", "two"}) {
    const sys::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    (from.path / name).value.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  WrittenTree written;
  EXPECT_EQ(write(from.fd, UpperMarks::trusted, &written).size() % 512, 0u);
  EXPECT_EQ(written.sockets, 2u);
}

TEST(LayerWriter, SeesTheMarksInAProcessThatMayOnlyRead) {
  const TemporaryDirectory from;
  ASSERT_TRUE(shell("cd " + from.path.value + " && mkdir d && setfattr -n trusted.overlay.opaque -v y d"));
  const sys::UniqueFd file(::memfd_create("tar", MFD_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      confine_to_reading(from.fd, {file}, Attributes::trusted);
      write_layer(from.fd, UpperMarks::trusted, [&](std::string_view bytes) { sys::write_all(file, bytes); });
      ::_exit(::fsetxattr(from.fd.number(), trusted_opaque, "y", 1, 0) == 0 ||
                      ::mount("none", "/", "tmpfs", 0, nullptr) == 0
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
  ASSERT_EQ(::lseek(file.number(), 0, SEEK_SET), 0);
  EXPECT_TRUE(has(sys::read_all(file, 1 << 20), "d/.wh..wh..opq"));
}

TEST(LayerWriter, AConfinedProcessWritesItCompressedWithBothDigests) {
  const TemporaryDirectory work, to;
  make_upper(work);
  const std::string tar = write(sys::open_at(work.fd, "upper", O_RDONLY | O_DIRECTORY));
  Sha256 sum;
  sum.add(tar);
  const std::string digest = sum.digest().value;
  for (const auto compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    const sys::UniqueFd blob(::memfd_create("blob", MFD_CLOEXEC));
    const auto written = image::write_layer({.upper = work.path / "upper", .compression = compression}, blob);
    EXPECT_EQ(written.layer.value, digest);
    EXPECT_EQ(written.tar_bytes, static_cast<Bytes>(tar.size()));
    ASSERT_EQ(::lseek(blob.number(), 0, SEEK_SET), 0);
    EXPECT_EQ(digest_of(blob).value, written.blob.value);
    EXPECT_EQ(sys::try_status(blob, "", AT_EMPTY_PATH)->st_size, written.blob_bytes);
  }
  ASSERT_TRUE(shell("touch " + work.path.value + "/upper/opt/.wh.x"));
  const std::string error = error_of([&] {
    image::write_layer({.upper = work.path / "upper"}, sys::UniqueFd(::memfd_create("blob", MFD_CLOEXEC)));
  });
  EXPECT_TRUE(has(error, "write the layer of " + work.path.value + "/upper: export opt/.wh.x: a file of"))
      << error;
}

}  // namespace
}  // namespace tare::archive
