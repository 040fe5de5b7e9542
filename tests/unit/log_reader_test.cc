#include "engine/log_reader.h"

#include <gtest/gtest.h>
#include <random>

#include "base/time.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

using monitor::LogLimits, monitor::LogStream, monitor::LogWriter;

constexpr Time noon{1'800'000'000, 5};

class LogReading : public testing::Test {
 protected:
  LogWriter writer(LogLimits limits = {}) { return {HostPath(directory_.path()), limits}; }
  LogReader reader() { return LogReader(HostPath(directory_.path())); }

  /// What there is to read now, one text after the other; damaged lines are "?".
  static std::string rest(LogReader& reader) {
    std::string text;
    LogEntry entry;
    while (const auto line = reader.next()) text += decode(*line, entry) ? entry.text : "?";
    return text;
  }
  std::string last(std::uint64_t count) {
    LogReader log = reader();
    log.start_at_last(count);
    return rest(log);
  }

  TemporaryDirectory directory_;
};

std::string numbered(int from, int to) {
  std::string text;
  for (int i = from; i < to; i++) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST_F(LogReading, GivesBackEveryByte) {
  std::mt19937 random(1);
  std::string bytes(300'000, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  LogWriter log = writer({.max_size = 50'000, .max_files = 100});
  for (std::size_t i = 0; i < bytes.size(); i += 4099)
    log.write(LogStream::output, std::string_view(bytes).substr(i, 4099), noon);
  log.finish(noon);
  LogReader all = reader();
  EXPECT_TRUE(rest(all) == bytes);
}

TEST_F(LogReading, KnowsStreamsAndTimes) {
  LogWriter log = writer();
  log.write(LogStream::error, "bad\n", noon);
  LogReader all = reader();
  LogEntry entry;
  ASSERT_TRUE(decode(all.next().value(), entry));
  EXPECT_EQ(entry.text, "bad\n");
  EXPECT_EQ(entry.stream, LogStream::error);
  EXPECT_EQ(entry.time, format_time(noon));
  EXPECT_EQ(all.next(), std::nullopt);
}

TEST_F(LogReading, OfNoLogIsNothing) {
  LogReader none = reader();
  none.start_at_last(5);
  EXPECT_EQ(none.next(), std::nullopt);
  LogWriter log = writer();
  log.write(LogStream::output, "begun\n", noon);
  EXPECT_EQ(rest(none), "begun\n");
}

TEST_F(LogReading, BeginsWithTheLastLinesOverAllFiles) {
  LogWriter log = writer({.max_size = 500, .max_files = 100});
  log.write(LogStream::output, numbered(0, 100), noon);
  EXPECT_EQ(last(0), "");
  EXPECT_EQ(last(1), numbered(99, 100));
  EXPECT_EQ(last(33), numbered(67, 100));
  EXPECT_EQ(last(100), numbered(0, 100));
  EXPECT_EQ(last(1000), numbered(0, 100));
}

TEST_F(LogReading, CountsALineOfManyPiecesAsOne) {
  const std::string large = std::string(100'000, 'x') + "\n";
  LogWriter log = writer();
  log.write(LogStream::output, "first\n" + large + "third\nand no end", noon);
  log.finish(noon);
  EXPECT_EQ(last(1), "and no end");
  EXPECT_EQ(last(2), "third\nand no end");
  EXPECT_TRUE(last(3) == large + "third\nand no end");
  EXPECT_TRUE(last(4) == "first\n" + large + "third\nand no end");
}

TEST_F(LogReading, PassesOverWhatAPowerCutLeft) {
  {
    LogWriter log = writer();
    log.write(LogStream::output, "before\n", noon);
  }
  const std::string whole = sys::read_file(sys::here, directory_ / "log.json");
  directory_.put("log.json", whole + R"({"log":"half)" + std::string(100, '\0'));
  EXPECT_EQ(last(2), "before\n");
  LogWriter log = writer();
  log.write(LogStream::output, "after\n", noon);
  EXPECT_EQ(last(5), "before\n?after\n");
  EXPECT_EQ(last(1), "after\n");
}

TEST_F(LogReading, NeitherLosesNorRepeatsALineWhereFilesAreRenamed) {
  for (const int step : {1, 7, 40}) {
    LogWriter log = writer({.max_size = 700, .max_files = 50});
    LogReader behind = reader();
    behind.start_at_last(0);
    std::string got;
    for (int i = 0; i < 200; i++) {
      log.write(i % 3 ? LogStream::output : LogStream::error, numbered(i, i + 1), noon);
      if (i % step == 0) got += rest(behind);
    }
    got += rest(behind);
    EXPECT_EQ(got, numbered(0, 200)) << "looking after every " << step << " lines";
  }
}

TEST_F(LogReading, GoesOnWithWhatIsLeftWhereItsFileIsDeleted) {
  LogWriter log = writer({.max_size = 300, .max_files = 2});
  LogReader slow = reader();
  log.write(LogStream::output, "first\n", noon);
  EXPECT_EQ(rest(slow), "first\n");
  log.write(LogStream::output, numbered(0, 100), noon);
  const std::string got = rest(slow);
  EXPECT_TRUE(got.ends_with(numbered(98, 100))) << got;
  LogWriter single = writer({.max_size = 100, .max_files = 1});
  for (int i = 0; i < 20; i++) {
    single.write(LogStream::output, numbered(i, i + 1), noon);
    EXPECT_TRUE(rest(slow).ends_with(numbered(i, i + 1)));
  }
}

TEST_F(LogReading, TakesNothingForALineThatTheWriterTookBack) {
  LogReader log = reader();
  directory_.put("log.json", R"({"log":"never whole, )");
  EXPECT_EQ(rest(log), "");
  const sys::UniqueFd file = sys::open_at(sys::here, directory_ / "log.json", O_WRONLY);
  EXPECT_EQ(::ftruncate(file.number(), 0), 0);
  LogWriter again = writer();
  again.write(LogStream::output, "whole\n", noon);
  EXPECT_EQ(rest(log), "whole\n");
}

TEST_F(LogReading, MayEndWithWhatThereWas) {
  LogWriter log = writer({.max_size = 300, .max_files = 50});
  log.write(LogStream::output, numbered(0, 10), noon);
  LogReader now = reader();
  now.end_here();
  log.write(LogStream::output, numbered(10, 30), noon);
  EXPECT_EQ(rest(now), numbered(0, 10));
}

TEST(LogEntry, IsNothingElse) {
  LogEntry entry;
  const std::string good = R"({"log":"a\u000a\"\\\/","stream":"stdout","time":"t"})";
  ASSERT_TRUE(decode(good, entry));
  EXPECT_EQ(entry.text, "a\n\"\\/");
  for (std::size_t size = 0; size < good.size(); size++)
    EXPECT_FALSE(decode(std::string_view(good).substr(0, size), entry)) << size;
  for (const char* bad :
       {"", "{}", R"({"log":"\x","stream":"stdout","time":"t"})",
        R"({"log":"\u00e4","stream":"stdout","time":"t"})", R"({"log":"","stream":"stdin","time":"t"})",
        R"({"log":"","stream":"stdout","time":"t"} )"})
    EXPECT_FALSE(decode(bad, entry)) << bad;
}

}  // namespace
}  // namespace tare::engine
