// Layers of images: what `.wh.` names become, and that nothing else becomes such a mark.
#include <gtest/gtest.h>
#include <sys/xattr.h>

#include "archive/apply.h"
#include "archive/whiteout.h"
#include "image/unpack.h"
#include "store/merged.h"
#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::error_of, test::has, test::shell, test::TarBuilder, test::TemporaryDirectory;

void apply_layer(const TarBuilder& tar, sys::Fd root) {
  test::unpack_into(tar.bytes(), root, {.whiteouts = Whiteouts::overlay}, mark_opaque_as_trusted);
}

/// What there is at a path: "hidden", "opaque", "directory", "file" or "nothing".
std::string what(const TemporaryDirectory& root, const std::string& path) {
  const auto status = sys::try_status(root.fd, path, AT_SYMLINK_NOFOLLOW);
  if (!status) return "nothing";
  if (is_whiteout(*status)) return "hidden";
  if (!S_ISDIR(status->st_mode)) return "file";
  std::string found;
  for (const char* name : {trusted_opaque, user_opaque}) {
    char value[8] = {};
    const ssize_t size = ::getxattr((root.path / path).c_str(), name, value, sizeof value);
    if (size >= 0) found.append(value, static_cast<std::size_t>(size));
  }
  if (found.empty()) return "directory";
  return found == "yy" ? "opaque" : "one mark is missing: " + found;
}

TEST(ApplyLayer, WhiteoutsBecomeOverlayfsMarks) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.directory("etc").file("etc/.wh.passwd", "").file("etc/.wh..wh..opq", "").file("etc/new");
  tar.file("not/there/.wh.file", "").file("not/here/.wh..wh..opq", "").file("/./a/../.wh.top", "");
  tar.hard_link("as-aufs/.wh.link", ".wh..wh.aufs").add({.name = ".wh.directory/", .type = '5'});
  tar.file(".wh." + std::string(251, 'n'), "").file(".wh....", "").file(".wh.x.wh.y", "");
  apply_layer(tar, root.fd);
  EXPECT_EQ(what(root, "etc"), "opaque");
  EXPECT_EQ(what(root, "etc/passwd"), "hidden");
  EXPECT_EQ(what(root, "etc/new"), "file");
  EXPECT_EQ(what(root, "not"), "directory");
  EXPECT_EQ(what(root, "not/there"), "directory");
  EXPECT_EQ(what(root, "not/there/file"), "hidden");
  EXPECT_EQ(what(root, "not/here"), "opaque");
  for (const std::string& name : {std::string("top"), std::string("as-aufs/link"), std::string("directory"),
                                  std::string(251, 'n'), std::string("..."), std::string("x.wh.y")})
    EXPECT_EQ(what(root, name), "hidden") << name;
  EXPECT_EQ(what(root, "."), "directory");
  EXPECT_TRUE(shell("test -z \"$(find " + root.path.value + " -name '.wh.*')\""));
}

TEST(ApplyLayer, TheRootCanBeOpaqueAndDirectoryTimesStay) {
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.add({.name = "a", .type = '5', .mtime = 7}).file("a/.wh.b", "").file("a/.wh..wh..opq", "");
  tar.file(".wh..wh..opq", "");
  apply_layer(tar, root.fd);
  EXPECT_EQ(what(root, "."), "opaque");
  EXPECT_EQ(what(root, "a"), "opaque");
  EXPECT_EQ(sys::try_status(root.fd, "a")->st_mtim.tv_sec, 7);
}

struct Case {
  TarBuilder tar;
  std::string path, becomes;
};

TEST(ApplyLayer, WhatTheSameLayerHasStaysAndHidesWhatLowerOnesHave) {
  const Case cases[] = {
      {TarBuilder().file("f").file(".wh.f", ""), "f", "file"},
      {TarBuilder().file(".wh.f", "").file("f"), "f", "file"},
      {TarBuilder().file(".wh.f", "").symlink("f", "x"), "f", "file"},
      {TarBuilder().file(".wh.f", "").file("x").hard_link("f", "x"), "f", "file"},
      {TarBuilder().file(".wh.f", "").add({.name = "f", .type = '6'}), "f", "file"},
      {TarBuilder().file(".wh.f", "").file(".wh.f", ""), "f", "hidden"},
      {TarBuilder().directory("d").file("d/x").file(".wh.d", ""), "d", "opaque"},
      {TarBuilder().directory("d").file("d/x").file(".wh.d", ""), "d/x", "file"},
      {TarBuilder().file("d/x").file(".wh.d", ""), "d", "opaque"},
      {TarBuilder().file(".wh.d", "").directory("d").file("d/x"), "d", "opaque"},
      {TarBuilder().file(".wh.d", "").file("d/e/x"), "d", "opaque"},
      {TarBuilder().file(".wh.d", "").file("d/e/x"), "d/e", "directory"},
      {TarBuilder().file(".wh.d", "").file("d/.wh.x", ""), "d/x", "hidden"},
      {TarBuilder().file(".wh.d", "").file("d/e/x").directory("d"), "d", "opaque"},
      {TarBuilder().file("d").directory("d"), "d", "opaque"},
      {TarBuilder().directory("d").file("d").directory("d"), "d", "opaque"},
      {TarBuilder().directory("d").directory("d"), "d", "directory"},
      {TarBuilder().directory("d").file("d/.wh..wh..opq", "").file("d"), "d", "file"},
      {TarBuilder().symlink("l", "d").directory("d").file("l/.wh.x", ""), "d/x", "hidden"},
      {TarBuilder().symlink("l", "d").directory("d").file("l/.wh..wh..opq", ""), "d", "opaque"},
      {TarBuilder().symlink("l", "/etc").file(".wh.l", ""), "l", "file"},
      {TarBuilder().file(".wh..wh.plnk/1.2").file("x"), ".wh..wh.plnk", "nothing"},
      {TarBuilder().file(".wh..wh.aufs").directory(".wh..wh.orph").file("x"), ".wh..wh.aufs", "nothing"},
      {TarBuilder().directory("d").file("d/.wh..wh.plnk"), "d/.wh..wh.plnk", "nothing"},
  };
  int number = 0;
  for (const Case& one : cases) {
    const TemporaryDirectory root;
    apply_layer(one.tar, root.fd);
    EXPECT_EQ(what(root, one.path), one.becomes) << "case " << number;
    number++;
  }
}

// What is imported: the tree is then the layer's, whoever else has it.
TEST(ApplyLayer, RefusesEachNameThatWouldBeAWhiteoutWhereThereIsNoLayerYet) {
  const TarBuilder cases[] = {TarBuilder().file(".wh.a", ""), TarBuilder().file("d/.wh..wh..opq", ""),
                              TarBuilder().file(".wh.d/x", ""), TarBuilder().file("a/.wh.d/x", ""),
                              TarBuilder().directory("./.wh.d")};
  for (const auto& tar : cases) {
    const TemporaryDirectory root;
    const auto error =
        error_of([&] { test::unpack_into(tar.bytes(), root.fd, {.whiteouts = Whiteouts::refused}); });
    EXPECT_NE(error.find("begins with .wh. cannot be in a layer"), std::string::npos) << error;
  }
  const TemporaryDirectory root;
  TarBuilder tar;
  tar.file("d", "").directory("d").file("x.wh.y", "").file("d/a.wh.b", "");
  test::unpack_into(tar.bytes(), root.fd, {.whiteouts = Whiteouts::refused}, mark_opaque_as_trusted);
  EXPECT_EQ(what(root, "d"), "opaque");
  EXPECT_EQ(what(root, "x.wh.y"), "file");
}

TEST(ApplyLayer, RefusesWhiteoutsOfWhatIsNoName) {
  const TemporaryDirectory outside;
  sys::create_file(outside.fd, "victim", "untouched");
  const std::string up = "../" + outside.path.value.substr(outside.path.value.find_last_of('/') + 1);
  const std::pair<TarBuilder, std::string> cases[] = {
      {TarBuilder().file(".wh.", ""), "entry .wh.: a whiteout of no name that a file can have: refused"},
      {TarBuilder().file("d/.wh.", ""), "entry d/.wh.: a whiteout of no name"},
      {TarBuilder().file(".wh..", ""), "entry .wh..: a whiteout of no name"},
      {TarBuilder().file("d/.wh...", ""), "entry d/.wh...: a whiteout of no name"},
      {TarBuilder().file(".wh.../x", ""), "entry .wh.../x: its parent .wh... can be no directory"},
      {TarBuilder().file(".wh.a/x", ""), "entry .wh.a/x: its parent .wh.a can be no directory"},
      {TarBuilder().file("a/.wh.b/.wh..wh..opq", ""), "its parent .wh.b can be no directory"},
      {TarBuilder().file("../.wh.victim", ""), "leads outside of the archive's root: refused"},
      {TarBuilder().symlink("l", up).file("l/.wh.victim", ""), "is a symlink that leads outside"},
      {TarBuilder().symlink("l", up).file("l/.wh..wh..opq", ""), "is a symlink that leads outside"},
      {TarBuilder().symlink("l", outside.path.value).file("l/.wh.victim", ""), "that leads outside"},
      {TarBuilder().file("f").file("f/.wh.x", ""), "entry f/.wh.x: its parent f is not a directory"},
      {TarBuilder().file("f").file("f/a/b/x", ""), "entry f/a/b/x: its parent f is not a directory"},
      {TarBuilder().symlink("l", "d").file(".wh.d", "").file("l/x"), "its parent l is a symlink to nothing"},
      {TarBuilder().file(".wh.x", "").hard_link("y", "x"), "which is not in the archive before it"},
      {TarBuilder().add({.name = "x", .type = '3'}), "a character device 0:0 cannot be kept"},
      {TarBuilder().file(".wh." + std::string(256, 'n'), ""), "File name too long"},
  };
  for (const auto& [tar, says] : cases) {
    const TemporaryDirectory root;
    const std::string error = error_of([&] { apply_layer(tar, root.fd); });
    EXPECT_TRUE(has(error, says)) << error << "\nwanted: " << says;
    EXPECT_EQ(sys::list_directory(outside.fd, "."), std::vector<std::string>{"victim"});
    EXPECT_EQ(sys::read_file(outside.fd, "victim"), "untouched");
  }
}

TEST(ApplyLayer, NoAttributeOfTheArchiveBecomesAMark) {
  const TemporaryDirectory root;
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  TarBuilder tar;
  for (const std::string mark : {"opaque", "redirect", "whiteout", "metacopy", "origin"})
    tar.pax("SCHILY.xattr.trusted.overlay." + mark, "y").pax("SCHILY.xattr.user.overlay." + mark, "y");
  tar.pax("SCHILY.xattr.security.capability", capability).pax("SCHILY.xattr.user.note", "kept");
  tar.add({.name = "file", .mode = 0755}, "x").pax("SCHILY.xattr.user.overlay.opaque", "y").directory("d");
  apply_layer(tar, root.fd);
  const std::string path = (root.path / "file").value;
  char names[256] = {};
  const ssize_t size = ::listxattr(path.c_str(), names, sizeof names);
  ASSERT_GT(size, 0);
  EXPECT_FALSE(has({names, static_cast<std::size_t>(size)}, "overlay"));
  EXPECT_EQ(::getxattr(path.c_str(), "security.capability", nullptr, 0), 20);
  EXPECT_EQ(::getxattr(path.c_str(), "user.note", nullptr, 0), 4);
  EXPECT_EQ(what(root, "d"), "directory");
}

/// Made by the confined worker, as of an image.
HostPath unpack(const TemporaryDirectory& work, const TarBuilder& tar) {
  const HostPath root = work.path / "store";
  sys::replace_file(work.fd, "layer.tar", tar.bytes());
  const auto layer = image::unpack_tarball({.root = root,
                                            .source = (work.path / "layer.tar").value,
                                            .limits = {},
                                            .kind = store::LayerKind::overlay,
                                            .progress = {}});
  EXPECT_TRUE(store::has_layer(root, layer, store::LayerKind::overlay));
  EXPECT_FALSE(store::has_layer(root, layer));
  return store::tree_of(root, layer, store::LayerKind::overlay);
}

TEST(ApplyLayer, LayersShowTogetherWhatTheirWhiteoutsLeave) {
  const TemporaryDirectory work;
  TarBuilder bottom, middle, top;
  bottom.file("etc/a").file("etc/b").file("opt/old").file("var/x").file("gone/x").file("again/old");
  middle.directory("etc").file("etc/.wh.a", "").directory("opt").file("opt/.wh..wh..opq", "").file("opt/new");
  middle.file(".wh.gone", "").file(".wh.again", "").file("again/new");
  top.directory("gone");
  std::vector<HostPath> layers = {unpack(work, top), unpack(work, middle), unpack(work, bottom)};
  for (const auto marks : {store::Marks::trusted, store::Marks::user}) {
    const sys::UniqueFd merged = store::open_merged(layers, marks);
    const auto list = [&](const char* path) { return sys::list_directory(merged, path); };
    using Names = std::vector<std::string>;
    EXPECT_EQ(list("."), (Names{"again", "etc", "gone", "opt", "var"}));
    EXPECT_EQ(list("etc"), Names{"b"});
    EXPECT_EQ(list("opt"), Names{"new"});
    EXPECT_EQ(list("gone"), Names{});
    EXPECT_EQ(list("again"), Names{"new"});
  }
  layers.insert(layers.begin(), unpack(work, TarBuilder().file(".wh..wh..opq", "").file("alone")));
  EXPECT_EQ(store::visible_layers(layers, store::Marks::user).size(), 1u);
  const sys::UniqueFd merged = store::open_merged(layers);
  EXPECT_EQ(sys::list_directory(merged, "."), std::vector<std::string>{"alone"});
}

}  // namespace
}  // namespace tare::archive
