// On the real file system, as root.
#include "store/volumes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "store/layers.h"
#include "sys/file.h"
#include "temporary_directory.h"

namespace tare::store {
namespace {

class VolumesTest : public testing::Test {
 protected:
  HeldVolume hold(const std::string& name, bool anonymous = false) const {
    return HeldVolume(place.root,
                      {.name = name, .created = now(), .labels = {{"a", "b"}}, .anonymous = anonymous});
  }
  state::Lock make_container() {
    state::Record record{.id = {}, .name = {}, .created = now()};
    state::Lock lock = state::claim(place, record);
    id = record.id;
    return lock;
  }
  std::string data(const std::string& name, const std::string& path = "") const {
    return (volume_data(place.root, name) / path).value;
  }
  /// A directory of a root file system with something of each kind.
  sys::UniqueFd make_contents() const {
    directory.put("from/file", "text");
    directory.put("from/below/file", "below");
    const std::string from = directory / "from";
    EXPECT_EQ(::symlink("/etc/passwd", (from + "/link").c_str()), 0);
    EXPECT_EQ(::link((from + "/file").c_str(), (from + "/same").c_str()), 0);
    EXPECT_EQ(::setxattr((from + "/file").c_str(), "user.note", "kept", 4, 0), 0);
    EXPECT_EQ(::chown((from + "/below").c_str(), 5, 6), 0);
    EXPECT_EQ(::chown(from.c_str(), 7, 8), 0);
    EXPECT_EQ(::chmod(from.c_str(), 02770), 0);
    return sys::open_at(sys::here, from, O_RDONLY | O_DIRECTORY);
  }
  void expect_contents(const std::string& name) const {
    EXPECT_EQ(sys::list_directory(sys::here, data(name)),
              (std::vector<std::string>{"below", "file", "link", "same"}));
    struct stat top, file, same, below;
    ASSERT_EQ(::stat(data(name).c_str(), &top), 0);
    ASSERT_EQ(::stat(data(name, "file").c_str(), &file), 0);
    ASSERT_EQ(::stat(data(name, "same").c_str(), &same), 0);
    ASSERT_EQ(::stat(data(name, "below").c_str(), &below), 0);
    EXPECT_EQ(top.st_mode & 07777, 02770U);
    EXPECT_EQ(top.st_uid, 7U);
    EXPECT_EQ(top.st_gid, 8U);
    EXPECT_EQ(below.st_uid, 5U);
    EXPECT_EQ(file.st_ino, same.st_ino);
    char note[8];
    EXPECT_EQ(::getxattr(data(name, "file").c_str(), "user.note", note, sizeof note), 4);
    EXPECT_EQ(sys::list_directory(sys::here, (place.root / "volumes" / name).value),
              (std::vector<std::string>{"_data", "volume.json"}));
  }

  TemporaryDirectory directory;
  state::Place place{HostPath(directory / "root"), HostPath(directory / "run")};
  ContainerId id;
};

TEST_F(VolumesTest, IsMadeOnceAndKeepsWhatWasSaidThen) {
  EXPECT_FALSE(read_volume(place.root, "data"));
  EXPECT_TRUE(list_volumes(place.root).empty());
  EXPECT_TRUE(hold("data").was_made());
  EXPECT_FALSE(HeldVolume(place.root, {.name = "data", .created = {}, .labels = {}}).was_made());
  const auto volume = read_volume(place.root, "data");
  ASSERT_TRUE(volume);
  EXPECT_EQ(volume->labels, (std::map<std::string, std::string>{{"a", "b"}}));
  EXPECT_LT(seconds_between(volume->created, now()).count(), 60);
  EXPECT_FALSE(volume->anonymous);
  EXPECT_EQ(list_volumes(place.root), std::vector<std::string>{"data"});
  EXPECT_FALSE(read_volume(place.root, "../volumes/data"));
}

TEST_F(VolumesTest, OneThatWasHalfMadeOrWhoseRecordIsDamagedIsAVolumeAllTheSame) {
  sys::make_directories(sys::here, (place.root / "volumes/half").value);
  EXPECT_EQ(list_volumes(place.root), std::vector<std::string>{"half"});
  ASSERT_TRUE(read_volume(place.root, "half"));
  EXPECT_GT(read_volume(place.root, "half")->created.seconds, 0);
  EXPECT_FALSE(hold("half").was_made());
  EXPECT_TRUE(sys::exists(sys::here, data("half")));
  EXPECT_EQ(read_volume(place.root, "half")->labels.size(), 1U);
  sys::replace_file(sys::here, (place.root / "volumes/half/volume.json").value, "");
  ASSERT_TRUE(read_volume(place.root, "half"));
  EXPECT_TRUE(remove_volume(place, "half"));
  EXPECT_FALSE(remove_volume(place, "half"));
  EXPECT_TRUE(sys::list_directory(sys::here, (place.root / "staging").value).empty());
}

TEST_F(VolumesTest, AnEmptyOneIsFilledAndAnotherIsNot) {
  const sys::UniqueFd from = make_contents();
  hold("data").fill(from);
  expect_contents("data");
  sys::remove_tree(sys::here, data("data", "below"));
  hold("data").fill(from);
  EXPECT_FALSE(sys::exists(sys::here, data("data", "below")));
}

TEST_F(VolumesTest, AFillingThatWasInterruptedIsFinishedOrBegunAgain) {
  const sys::UniqueFd from = make_contents();
  (void)hold("data");
  const std::string volume = (place.root / "volumes/data").value;
  // Killed in the middle of the copy.
  sys::make_directory(sys::here, volume + "/new");
  sys::create_file(sys::here, volume + "/new/half", "ha");
  hold("data").fill(from);
  expect_contents("data");
  // Killed in the middle of the moving: what is in full is what is missing, and the source is not asked
  // again.
  ASSERT_EQ(::rename(data("data").c_str(), (volume + "/full").c_str()), 0);
  sys::make_directory(sys::here, data("data"));
  ASSERT_EQ(::rename((volume + "/full/file").c_str(), data("data", "file").c_str()), 0);
  sys::remove_tree(sys::here, directory / "from/below");
  hold("data").fill(from);
  expect_contents("data");
}

TEST_F(VolumesTest, ACopyThatFailsLeavesTheVolumeEmptyAndTheNextOneFillsIt) {
  const sys::UniqueFd from = make_contents();
  (void)hold("data");
  EXPECT_THROW(hold("data").fill(sys::open_at(sys::here, "/dev/null", O_RDONLY)), Error);
  EXPECT_TRUE(sys::list_directory(sys::here, data("data")).empty());
  hold("data").fill(from);
  expect_contents("data");
}

TEST_F(VolumesTest, OneThatIsUsedIsNotRemoved) {
  const state::Lock lock = make_container();
  note_use(place, id, "data", false);
  (void)hold("data");
  EXPECT_EQ(users_of(place, "data"), std::vector<ContainerId>{id});
  try {
    remove_volume(place, "data");
    FAIL() << "removed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_EQ(error.text(), "remove data: volume is in use - [" + id.value + "]");
  }
  state::forget(place, id, lock);
  EXPECT_TRUE(remove_volume(place, "data"));
}

TEST_F(VolumesTest, AnonymousOnesGoWithTheirLastContainer) {
  const state::Lock first = make_container();
  const ContainerId first_id = id;
  note_use(place, first_id, "own", true);
  note_use(place, first_id, "shared", true);
  note_use(place, first_id, "named", false);
  for (const char* name : {"own", "shared", "named"}) (void)hold(name, true);
  const state::Lock second = make_container();
  note_use(place, id, "shared", true);
  remove_anonymous_volumes(place, first_id);
  EXPECT_EQ(list_volumes(place.root), (std::vector<std::string>{"named", "shared"}));
  state::forget(place, first_id, first);
  remove_anonymous_volumes(place, id);
  EXPECT_EQ(list_volumes(place.root), std::vector<std::string>{"named"});
}

TEST_F(VolumesTest, OneThatIsHeldIsNotRemovedMeanwhileAndAHolderWhoComesLateMakesItAgain) {
  std::optional<HeldVolume> held(hold("data"));
  sys::create_file(sys::here, data("data", "old"), "");
  const pid_t remover = ::fork();
  if (remover == 0) {
    held.reset();  // it is held by whoever inherits it, too
    ::_exit(remove_volume(place, "data") ? 0 : 1);
  }
  const pid_t waiter = ::fork();
  if (waiter == 0) {
    held.reset();
    (void)hold("data");
    ::_exit(0);
  }
  ::usleep(100'000);
  EXPECT_TRUE(sys::exists(sys::here, data("data", "old")));
  held.reset();
  for (const pid_t pid : {remover, waiter}) {
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  // In either order there is never a volume that is half there.
  EXPECT_FALSE(sys::exists(sys::here, data("data", "old")));
  EXPECT_EQ(read_volume(place.root, "data").has_value(), sys::exists(sys::here, data("data")));
}

TEST_F(VolumesTest, ARemovalThatWasKilledIsFinishedByTheNextCollection) {
  (void)hold("data");
  sys::make_directories(sys::here, (place.root / "staging").value, 0700);
  const std::string grave = (place.root / "staging/abc").value;
  ASSERT_EQ(::rename((place.root / "volumes/data").c_str(), grave.c_str()), 0);
  EXPECT_EQ(collect_staging(place.root), 1);
  EXPECT_FALSE(sys::exists(sys::here, grave));
}

}  // namespace
}  // namespace tare::store
