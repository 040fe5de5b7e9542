// What was recorded of a process: operations and calls, in their words. Each test is a process of its own,
// because a recorder that was switched on stays so.
#include "base/recorder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/recorder_call.h"

namespace tare::recorder {
namespace {

template <typename Act>
std::vector<Recorded> record(Act act) {
  switch_on();
  act();
  std::vector<Recorded> events = recorded();
  events.erase(events.begin());  // whose lane it is
  return events;
}

int code_of(bool is_good) { return is_good ? 0 : 1; }

TEST(Recorder, IsOffUntilItIsSwitchedOn) {
  EXPECT_FALSE(is_on());
  add({.kind = Event::Kind::begin, .text = "nothing"});
  EXPECT_TRUE(recorded().empty());
}

TEST(Recorder, TellsOfOperationsAndOfTheCallsInThem) {
  EXPECT_EXIT(
      {
        const auto events = record([] {
          const Step step("look at", "/missing");
          (void)!::open("/missing \"\n\x01", O_WRONLY | O_CREAT | O_EXCL | O_DIRECTORY, 0640);
        });
        const bool good =
            events.size() == 3 && events[0].event.kind == Event::Kind::begin &&
            events[0].text == "look at /missing" && events[1].event.kind == Event::Kind::call &&
            events[1].text == "open(\"/missing \\\"\\n\\001\", O_WRONLY|O_CREAT|O_EXCL|O_DIRECTORY, 0640)" &&
            events[1].result == "-1 EINVAL" && events[1].event.at <= events[1].event.until &&
            events[2].event.kind == Event::Kind::end;
        for (const auto& event : events)
          std::fprintf(stderr, "%s %s\n", event.text.c_str(), event.result.c_str());
        ::_exit(code_of(good));
      },
      testing::ExitedWithCode(0), "");
}

TEST(Recorder, ShowsWhatIsWrittenAndNotWhatIsRead) {
  EXPECT_EXIT(
      {
        int ends[2];
        if (::pipe(ends) != 0) ::_exit(2);
        char buffer[8];
        const auto events = record([&] {
          (void)!::write(ends[1], "a\tb", 3);
          (void)!::read(ends[0], buffer, sizeof buffer);
        });
        const bool good = events.size() == 2 && events[0].text.ends_with(", \"a\\011b\", 3)") &&
                          events[0].result == "3" && events[1].text.ends_with(", ..., 8)");
        ::_exit(code_of(good));
      },
      testing::ExitedWithCode(0), "");
}

TEST(Recorder, KeepsErrnoAndTheResult) {
  EXPECT_EXIT(
      {
        bool good = false;
        record([&] { good = ::close(-1) == -1 && errno == EBADF; });
        ::_exit(code_of(good));
      },
      testing::ExitedWithCode(0), "");
}

TEST(Recorder, TakesTheEventsOfForkedProcessesUntilItIsFull) {
  EXPECT_EXIT(
      {
        switch_on();
        const std::string text(4000, 'x');
        for (int process = 0; process < 4; process++)
          if (::fork() == 0) {
            enter(Lane::monitor);
            for (int i = 0; i < 2000; i++)
              add({.kind = Event::Kind::begin, .lane = Lane::monitor, .text = text});
            ::_exit(0);
          }
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
        std::size_t whole = 0;
        for (const auto& event : recorded()) whole += event.text == text;
        ::_exit(code_of(is_full() && whole > 4000 && whole < 8000));
      },
      testing::ExitedWithCode(0), "");
}

TEST(Recorder, ReadsNoTextWhereThereIsNoMemory) {
  class NoMemory final : public Memory {
   public:
    std::string_view read(std::uint64_t, std::size_t) const noexcept override { return {}; }
  };
  EXPECT_EXIT(
      {
        const auto events = record([] {
          add_call(Lane::init, {.kind = call_kind("write"), .arguments = {1, 0x1000, 99}, .result = -9},
                   NoMemory());
          add_call(Lane::init, {.kind = call_kind("chdir"), .arguments = {0x1000}}, NoMemory());
          add_call(Lane::init, {.kind = call_kind(5000L), .number = 5000, .arguments = {7}}, NoMemory());
        });
        ::_exit(code_of(events.size() == 3 && events[0].text == "write(1, ..., 99)" &&
                        events[0].result == "-1 EBADF" && events[1].text == "chdir(...)" &&
                        events[2].text == "syscall_5000(0x7, 0, 0, 0, 0, 0)"));
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tare::recorder
