// Names, locks and records of containers on disk.
#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "state/containers.h"
#include "state/names.h"
#include "temporary_directory.h"

namespace tare::state {
namespace {

class Containers : public testing::Test {
 protected:
  Record named(const std::string& name) const {
    return {.name = name, .image = "/srv/rootfs", .command = {"sh", "-c", ""}, .created = now()};
  }
  ErrorKind kind_of_failure(const std::function<void()>& act) const {
    try {
      act();
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::system;
  }
  std::vector<std::string> entries(const std::string& folder) const {
    return sys::list_directory(directory_.fd(), "root/" + folder);
  }
  /// A directory as a container's, without all that belongs to it.
  ContainerId put(const std::string& id) const {
    directory_.put("root/containers/" + id + "/id", id);
    return ContainerId(id);
  }

  TemporaryDirectory directory_;
  const Place place_{.root = HostPath(directory_ / "root"), .run_root = HostPath(directory_ / "run")};
};

TEST_F(Containers, AreClaimedWithNameLockAndRecord) {
  Record record = named("web");
  const Lock lock = claim(place_, record);
  EXPECT_TRUE(lock.held());
  EXPECT_EQ(record.id.value.size(), 64U);
  EXPECT_EQ(find_name(place_, "web"), record.id);
  EXPECT_EQ(list(place_), std::vector{record.id});
  EXPECT_TRUE(has_lock(place_, record.id));
  const auto read = read_record(place_, record.id);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "web");
  EXPECT_EQ(read->command, record.command);
  EXPECT_FALSE(read->started);
  EXPECT_FALSE(read->exit);
}

TEST_F(Containers, HaveRecordsThatComeBackAsTheyWere) {
  Record record = named("web");
  const Lock lock = claim(place_, record);
  record.command = {"", "two words", "\n\t\"\\", "\xff\xfe not UTF-8", std::string("nul\0inside", 10)};
  record.started = now();
  record.exit = Exit{
      .code = 137, .signal = 9, .out_of_memory = OutOfMemory{"/x", 1}, .error = "killed", .finished = now()};
  write_record(place_, record);
  const auto read = read_record(place_, record.id);
  ASSERT_TRUE(read && read->exit);
  EXPECT_EQ(read->command, record.command);
  EXPECT_EQ(read->exit->code, 137);
  EXPECT_TRUE(read->exit->out_of_memory.has_value());
  EXPECT_EQ(read->exit->error, "killed");
  EXPECT_TRUE(read->started);
  write_running(place_, record.id, {.pid = 12, .start_ticks = 345, .monitor = 67});
  const auto running = read_running(place_, record.id);
  ASSERT_TRUE(running);
  EXPECT_TRUE(running->pid == 12 && running->start_ticks == 345 && running->monitor == 67);
  forget_running(place_, record.id);
  EXPECT_FALSE(read_running(place_, record.id));
}

TEST_F(Containers, RunInTheBootInWhichTheyWereStartedOnly) {
  const ContainerId id = put("web");
  write_running(place_, id, {.pid = 12, .start_ticks = 345, .monitor = 67});
  const std::string path = directory_ / "run/containers/web.json";
  std::string text = sys::read_file(sys::here, path);
  ASSERT_TRUE(read_running(place_, id));
  std::string boot = sys::read_file(sys::here, "/proc/sys/kernel/random/boot_id");
  boot.pop_back();
  const auto at = text.find(boot);
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, boot.size(), "6e0d5a3c-0000-4000-8000-000000000000");
  sys::replace_file(sys::here, path, text);
  EXPECT_FALSE(read_running(place_, id));
}

TEST_F(Containers, WhoseRunFileMeansNothingDoNotRun) {
  const ContainerId id = put("web");
  for (const char* text : {"", "[]", "{", R"({"version":1})", "\x01", "null"}) {
    directory_.put("run/containers/web.json", text);
    EXPECT_FALSE(read_running(place_, id)) << text;
  }
}

TEST_F(Containers, WhoseRecordMeansNothingAreRefusedAndForgotten) {
  for (const char* text : {"", "[]", "{", R"({"version":2})", R"({"version":1})", R"({"version":"1"})"}) {
    Record record = named("web");
    const Lock lock = claim(place_, record);
    directory_.put("root/containers/" + record.id.value + "/record.json", text);
    EXPECT_EQ(kind_of_failure([&] { read_record(place_, record.id); }), ErrorKind::invalid) << text;
    EXPECT_EQ(name_of(place_, record.id), "web");
    forget(place_, record.id, lock);
    for (const char* folder : {"containers", "names", "locks"})
      EXPECT_TRUE(entries(folder).empty()) << folder;
  }
}

TEST_F(Containers, AreForgottenWithoutATrace) {
  Record record = named("web");
  const Lock lock = claim(place_, record);
  write_running(place_, record.id, {.pid = 1});
  directory_.put("root/containers/" + record.id.value + "/upper/deep/file", "");
  forget(place_, record.id, lock);
  for (const char* folder : {"containers", "names", "locks"}) EXPECT_TRUE(entries(folder).empty()) << folder;
  EXPECT_TRUE(sys::list_directory(directory_.fd(), "run/containers").empty());
  EXPECT_FALSE(find_name(place_, "web"));
  Record again = named("web");
  EXPECT_TRUE(claim(place_, again).held());
}

TEST_F(Containers, HaveANameOnlyOnce) {
  Record first = named("web"), second = named("web");
  const Lock lock = claim(place_, first);
  try {
    claim(place_, second);
    FAIL() << "claimed twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_EQ(error.text(), "Conflict. The container name \"/web\" is already in use by container \"" +
                                first.id.value + "\"");
  }
  EXPECT_EQ(entries("containers"), std::vector{first.id.value}) << "the loser leaves nothing";
  EXPECT_EQ(entries("locks"), std::vector{first.id.value});
  EXPECT_EQ(find_name(place_, "web"), first.id);
}

TEST_F(Containers, OfManyThatWantOneNameAtOnceOneGetsIt) {
  std::fflush(nullptr);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; i++) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        Record record = named("web");
        claim(place_, record).let_go();
        ::_exit(0);
      } catch (const Error& error) {
        ::_exit(error.kind() == ErrorKind::conflict ? 1 : 2);
      }
    }
    children.push_back(pid);
  }
  int winners = 0, losers = 0;
  for (const pid_t pid : children) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    winners += WEXITSTATUS(status) == 0;
    losers += WEXITSTATUS(status) == 1;
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(losers, 7);
  EXPECT_EQ(entries("containers").size(), 1U);
  EXPECT_EQ(entries("names").size(), 1U);
}

TEST_F(Containers, GetARandomNameWhereNoneIsGiven) {
  Record record = named("");
  const Lock lock = claim(place_, record);
  EXPECT_TRUE(is_name(record.name)) << record.name;
  EXPECT_EQ(find_name(place_, record.name), record.id);
  EXPECT_EQ(read_record(place_, record.id)->name, record.name);
}

TEST_F(Containers, AreTakenOnlyWhenNobodyHoldsThem) {
  Record record = named("web");
  Lock lock = claim(place_, record);
  EXPECT_FALSE(try_take(place_, record.id));
  lock.let_go();
  {
    const auto taken = try_take(place_, record.id);
    ASSERT_TRUE(taken);
    EXPECT_FALSE(try_take(place_, record.id));
  }
  auto again = try_take(place_, record.id);
  ASSERT_TRUE(again);
  release(place_, record.id, *again);
  EXPECT_FALSE(again->held());
  EXPECT_FALSE(has_lock(place_, record.id));
  EXPECT_TRUE(read_record(place_, record.id)) << "a released container stays";
  EXPECT_EQ(kind_of_failure([&] { forget(place_, record.id, *again); }), ErrorKind::system);
}

TEST_F(Containers, AreFreeWhenTheirHolderIsKilled) {
  Record record = named("web");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Lock lock = claim(place_, record);
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)::write(ends[1], "", 1);
    for (;;) ::pause();
  }
  lock.let_go();
  char byte;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_FALSE(try_take(place_, record.id)) << "the child inherited it";
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(try_take(place_, record.id));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Containers, AreFoundByNameByIdAndByItsBeginning) {
  Record record = named("web");
  const Lock lock = claim(place_, record);
  const std::string& id = record.id.value;
  for (const std::string& text :
       {std::string("web"), std::string("/web"), id, id.substr(0, 12), id.substr(0, 1)})
    EXPECT_EQ(find(place_, text), record.id) << text;
  for (const std::string& text : {std::string(), std::string("/"), std::string("we"), std::string("WEB"),
                                  id + "0", std::string("../names/web"), std::string("web/")})
    EXPECT_EQ(kind_of_failure([&] { (void)find(place_, text); }), ErrorKind::not_found) << text;
}

TEST_F(Containers, AreNotHiddenByAnotherOnesNameThatIsTheirId) {
  Record record = named("web");
  const Lock lock = claim(place_, record);
  Record impostor = named(record.id.value);
  const Lock other = claim(place_, impostor);
  EXPECT_EQ(find(place_, record.id.value), record.id);
}

TEST_F(Containers, AreNotFoundByABeginningOfTwo) {
  const ContainerId one = put("abc1" + std::string(60, '0')), two = put("abc2" + std::string(60, '0'));
  EXPECT_EQ(find(place_, "abc1"), one);
  EXPECT_EQ(find(place_, "abc2"), two);
  try {
    (void)find(place_, "abc");
    FAIL() << "one of two was chosen";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "2 containers have an id that begins with abc");
  }
}

TEST_F(Containers, AreNothingElseThatLiesInTheirFolders) {
  const ContainerId real = put(std::string(64, 'a'));
  put("short");
  put(std::string(63, 'a') + "G");
  directory_.put("root/locks/" + std::string(64, 'b'), "");
  EXPECT_EQ(list(place_), (std::vector{real, ContainerId(std::string(64, 'b'))}));
  directory_.put("root/names/web", "not an id");
  EXPECT_FALSE(find_name(place_, "web"));
  EXPECT_FALSE(read_record(place_, real));
}

TEST_F(Containers, ThatAreNotThereAtAllAreNoError) {
  EXPECT_TRUE(list(place_).empty());
  EXPECT_FALSE(find_name(place_, "web"));
  EXPECT_FALSE(read_record(place_, ContainerId("x")));
  EXPECT_FALSE(read_running(place_, ContainerId("x")));
}

TEST(Names, AreLettersDigitsAndThreeSigns) {
  for (const char* name : {"ab", "a1", "1a", "a_b.c-d", "A_"}) EXPECT_TRUE(is_name(name)) << name;
  for (const char* name : {"", "a", "_a", ".a", "-a", "a b", "a/b", "ab\n", "äb"})
    EXPECT_FALSE(is_name(name)) << name;
  for (int i = 0; i < 1000; i++) EXPECT_TRUE(is_name(random_name()));
}

}  // namespace
}  // namespace tare::state
