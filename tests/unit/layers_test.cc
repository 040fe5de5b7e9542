#include "store/layers.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "image/unpack.h"
#include "tar_builder.h"

namespace tare::store {
namespace {

using test::error_of, test::has, test::shell, test::TarBuilder, test::TemporaryDirectory;

const LayerId layer("sha256:" + std::string(64, 'a')), other("sha256:" + std::string(64, 'b'));
const TarballId tarball("sha256:" + std::string(64, 'c'));

timespec seconds_after(const timespec& time, time_t seconds) {
  return {.tv_sec = time.tv_sec + seconds, .tv_nsec = time.tv_nsec};
}

std::size_t count(const HostPath& path) { return sys::list_directory(sys::here, path.value).size(); }

LayerId unpack(const HostPath& root, const HostPath& source) {
  return image::unpack_tarball({.root = root, .source = source.value, .limits = {}, .progress = {}});
}

TEST(Layers, AppearWholeByPublishingAndOnlyOnce) {
  const TemporaryDirectory root;
  EXPECT_FALSE(has_layer(root.path, layer));
  Staging first(root.path), second(root.path);
  sys::create_file(first.tree(), "who", "first");
  sys::create_file(second.tree(), "who", "second");
  EXPECT_EQ(collect_staging(root.path), 0) << "someone is at work there";
  publish(root.path, std::move(first), layer);
  publish(root.path, std::move(second), layer);
  EXPECT_EQ(sys::read_file(sys::here, (tree_of(root.path, layer) / "who").value), "first");
  EXPECT_EQ(count(root.path / "staging"), 0u);
}

TEST(Layers, DropsAStagingTreeThatIsNotPublished) {
  const TemporaryDirectory root;
  {
    const Staging staging(root.path);
    sys::create_file(staging.tree(), "half", "done");
    EXPECT_EQ(count(root.path / "staging"), 1u);
  }
  EXPECT_EQ(count(root.path / "staging"), 0u);
}

TEST(Layers, CollectsWhatAKilledMakerLeft) {
  const TemporaryDirectory root;
  const pid_t maker = ::fork();
  if (maker == 0) {
    const Staging staging(root.path);
    sys::create_file(staging.tree(), "half", "done");
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(maker, &status, 0);
  EXPECT_EQ(count(root.path / "staging"), 1u);
  EXPECT_EQ(collect_staging(root.path), 1);
  EXPECT_EQ(count(root.path / "staging"), 0u);
}

TEST(Layers, AreFoundByTarballAndByFileWhileTheyExist) {
  const TemporaryDirectory root;
  publish(root.path, Staging(root.path), layer);
  sys::create_file(root.fd, "some.tar", "contents");
  const struct stat file = *sys::try_status(root.fd, "some.tar");
  EXPECT_FALSE(find_by_file(root.path, file));
  remember_file(root.path, file, seconds_after(file.st_ctim, 2), layer);
  EXPECT_FALSE(find_by_file(root.path, file)) << "too fresh to be told from a later change";
  remember_file(root.path, file, seconds_after(file.st_ctim, 3), layer);
  EXPECT_EQ(find_by_file(root.path, file), layer);
  struct stat changed = file;
  changed.st_ctim.tv_nsec ^= 1;
  EXPECT_FALSE(find_by_file(root.path, changed));

  remember_tarball(root.path, tarball, other);
  EXPECT_FALSE(find_by_tarball(root.path, tarball)) << "its layer is not there";
  remember_tarball(root.path, tarball, layer);
  EXPECT_EQ(find_by_tarball(root.path, tarball), layer);
  sys::remove_tree(sys::here, (root.path / "layers/sha256" / layer.value.substr(7)).value);
  EXPECT_FALSE(find_by_tarball(root.path, tarball));
  EXPECT_FALSE(find_by_file(root.path, file));
}

TEST(Unpack, MakesOneLayerOfTheSameTarHoweverItIsCompressed) {
  const TemporaryDirectory work;
  const HostPath root = work.path / "store";
  TarBuilder tar;
  tar.add({.name = "bin/sh", .mode = 04755, .uid = 7}, "#!").pax("path", "caf\xc3\xa9").file("x");
  tar.pax("SCHILY.xattr.user.a", "b").symlink("link", "bin/sh");
  sys::create_file(work.fd, "a.tar", TarBuilder(tar).unfinished() + std::string(1024, '\0'));
  ASSERT_FALSE(error_of([&] { unpack(root, work.path / "a.tar"); }).empty()) << "user.* on a symlink";
  EXPECT_EQ(count(root / "staging"), 0u);
  TarBuilder good;
  good.add({.name = "bin/sh", .mode = 04755, .uid = 7}, "#!").pax("path", "caf\xc3\xa9").file("x");
  sys::replace_file(work.fd, "a.tar", good.bytes());
  ASSERT_TRUE(shell("cd " + work.path.value +
                    " && gzip -k a.tar && mv a.tar.gz b && xz -k a.tar && bzip2 -k a.tar"
                    " && zstd -q a.tar"));
  const LayerId made = unpack(root, work.path / "a.tar");
  for (const char* name : {"b", "a.tar.xz", "a.tar.bz2", "a.tar.zst", "a.tar"})
    EXPECT_EQ(unpack(root, work.path / name), made) << name;
  EXPECT_EQ(count(root / "layers/sha256"), 1u);
  EXPECT_EQ(count(root / "tarballs/sha256"), 5u);
  EXPECT_EQ(count(root / "staging"), 0u);
  const auto status = sys::try_status(sys::here, (tree_of(root, made) / "bin/sh").value);
  EXPECT_EQ(status->st_mode, S_IFREG | 04755u);
  EXPECT_EQ(status->st_uid, 7u);
}

TEST(Unpack, NamesTheArchiveAndTheEntryOnceAndLeavesNothing) {
  const TemporaryDirectory work;
  const HostPath root = work.path / "store", evil = work.path / "evil.tar";
  sys::create_file(work.fd, "evil.tar", TarBuilder().file("fine").file("../evil").bytes());
  Step step("run", "web");
  EXPECT_EQ(
      error_of([&] { unpack(root, evil); }),
      "run web: unpack " + evil.value + ": entry ../evil: leads outside of the archive's root: refused");
  EXPECT_EQ(count(root / "staging"), 0u);
  EXPECT_EQ(count(root / "layers/sha256"), 0u);
  EXPECT_TRUE(has(error_of([&] { unpack(root, work.path / "none"); }), "no such file"));
  EXPECT_TRUE(has(error_of([&] { unpack(root, work.path); }), "a directory, not a tar archive"));
}

TEST(Unpack, TwoAtTheSameTimeBothSucceedWithOneLayer) {
  const TemporaryDirectory work;
  const HostPath root = work.path / "store";
  TarBuilder tar;
  for (int i = 0; i < 2000; i++) tar.file("f" + std::to_string(i), std::string(1000, 'x'));
  sys::create_file(work.fd, "a.tar", tar.bytes());
  pid_t children[4];
  for (pid_t& child : children) {
    child = ::fork();
    if (child == 0) ::_exit(error_of([&] { unpack(root, work.path / "a.tar"); }).empty() ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(count(root / "layers/sha256"), 1u);
  EXPECT_EQ(count(root / "staging"), 0u);
}

}  // namespace
}  // namespace tare::store
