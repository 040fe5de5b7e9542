#include "monitor/log_writer.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <tuple>

#include "base/json.h"
#include "temporary_directory.h"

namespace tare::monitor {
namespace {

using Entry = std::tuple<std::string, std::string, std::string>;  // log, stream, time

constexpr Time noon{1'800'000'000, 5};
const std::string noon_text = "2027-01-15T08:00:00.000000005Z";

std::vector<Entry> entries_of(const std::string& text) {
  std::vector<Entry> entries;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_NE(end, std::string::npos);
    const json::value value = json::parse(std::string_view(text).substr(begin, end - begin));
    const json::object& object = json::as_object(value);
    entries.emplace_back(json::text_field(object, "log"), json::text_field(object, "stream"),
                         json::text_field(object, "time"));
    begin = end + 1;
  }
  return entries;
}

class LogWriting : public testing::Test {
 protected:
  LogWriter writer(LogLimits limits = {}) { return {HostPath(directory_.path()), limits}; }
  std::string text(int age = 0) const { return sys::read_file(sys::here, directory_ / log_file_name(age)); }
  std::vector<Entry> entries(int age = 0) const { return entries_of(text(age)); }
  std::vector<std::string> files() const { return sys::list_directory(sys::here, directory_.path()); }

  TemporaryDirectory directory_;
};

TEST_F(LogWriting, IsDockersFormat) {
  LogWriter log = writer();
  log.write(LogStream::output, "a line\n", noon);
  log.write(LogStream::error, "\ttab \"quote\" \\ \r \x01\n", noon);
  EXPECT_EQ(text(), R"({"log":"a line\n","stream":"stdout","time":")" + noon_text + "\"}\n" +
                        R"({"log":"\ttab \"quote\" \\ \r \u0001\n","stream":"stderr","time":")" + noon_text +
                        "\"}\n");
}

TEST_F(LogWriting, MakesNoFileForNothing) {
  LogWriter log = writer();
  log.write(LogStream::output, "", noon);
  log.finish(noon);
  EXPECT_EQ(files(), std::vector<std::string>{});
}

TEST_F(LogWriting, KeepsTheStreamsIncompleteLinesApart) {
  LogWriter log = writer();
  log.write(LogStream::output, "one ", noon);
  log.write(LogStream::error, "bad ", noon);
  EXPECT_EQ(files(), std::vector<std::string>{});
  log.write(LogStream::output, "line\nnext", noon);
  log.write(LogStream::error, "thing\n", noon);
  log.finish(noon);
  EXPECT_EQ(entries(), (std::vector<Entry>{{"one line\n", "stdout", noon_text},
                                           {"bad thing\n", "stderr", noon_text},
                                           {"next", "stdout", noon_text}}));
}

TEST_F(LogWriting, KeepsBytesThatAreNotUtf8) {
  std::string bytes;
  for (int byte = 0; byte < 256; byte++) bytes += static_cast<char>(byte);
  LogWriter log = writer();
  log.write(LogStream::output, bytes, noon);
  log.finish(noon);
  std::string got;
  for (const auto& [line, stream, time] : entries()) got += line;
  EXPECT_EQ(got, bytes);
}

TEST_F(LogWriting, CutsLongLinesIntoPiecesOfSixteenKibibytes) {
  const std::string piece(16 << 10, 'x');
  LogWriter log = writer();
  log.write(LogStream::output, piece + piece.substr(1) + "\n", noon);  // in one
  log.write(LogStream::error, "y", noon);                              // and in many
  for (int i = 1; i < 16 << 10; i++) log.write(LogStream::error, "y", noon);
  log.write(LogStream::error, "\n", noon);
  EXPECT_EQ(entries(), (std::vector<Entry>{{piece, "stdout", noon_text},
                                           {piece.substr(1) + "\n", "stdout", noon_text},
                                           {std::string(16 << 10, 'y'), "stderr", noon_text},
                                           {"\n", "stderr", noon_text}}));
}

TEST_F(LogWriting, AppendsToWhatIsThere) {
  {
    LogWriter log = writer();
    log.write(LogStream::output, "first\n", noon);
  }
  LogWriter log = writer();
  log.write(LogStream::output, "second\n", noon);
  EXPECT_EQ(entries().size(), 2U);
}

TEST_F(LogWriting, LetsAHalfObjectOfAPowerCutTakeNoOtherWithIt) {
  directory_.put("log.json", R"({"log":"half)");
  LogWriter log = writer();
  log.write(LogStream::output, "whole\n", noon);
  const std::string all = text();
  EXPECT_EQ(all.substr(0, all.find('\n')), R"({"log":"half)");
  EXPECT_EQ(entries_of(all.substr(all.find('\n') + 1)).size(), 1U);
}

TEST_F(LogWriting, TakesNoMoreRoomThanAllowedAndKeepsTheNewest) {
  LogWriter log = writer({.max_size = 1000, .max_files = 3});
  std::string burst;
  for (int i = 0; i < 100; i++) burst += "line " + std::to_string(i) + "\n";
  for (int i = 0; i < 3; i++) log.write(LogStream::output, burst, noon);
  EXPECT_EQ(files(), (std::vector<std::string>{"log.json", "log.json.1", "log.json.2"}));
  std::string kept;
  for (int age = 2; age >= 0; age--) {
    EXPECT_LE(text(age).size(), 1000U);
    if (age > 0) {
      EXPECT_GT(text(age).size(), 900U);
    }
    for (const auto& [line, stream, time] : entries(age)) kept += line;
  }
  EXPECT_GT(kept.size(), 100U);
  EXPECT_TRUE(burst.ends_with(kept)) << kept;
}

TEST_F(LogWriting, MayKeepOneFileOnlyAndAnyAmount) {
  LogWriter small = writer({.max_size = 200, .max_files = 1});
  for (int i = 0; i < 9; i++) small.write(LogStream::output, std::to_string(i) + "\n", noon);
  EXPECT_EQ(files(), std::vector<std::string>{"log.json"});
  EXPECT_EQ(std::get<0>(entries().back()), "8\n");
  EXPECT_LE(text().size(), 200U);
  LogWriter large = writer({.max_size = -1, .max_files = 1});
  for (int i = 0; i < 1000; i++) large.write(LogStream::output, "more\n", noon);
  EXPECT_GT(entries().size(), 1000U);
}

TEST_F(LogWriting, OfALineLargerThanTheLimitStillHoldsIt) {
  LogWriter log = writer({.max_size = 100, .max_files = 2});
  const std::string line = std::string(500, 'z') + "\n";
  log.write(LogStream::output, line + line, noon);
  EXPECT_EQ(std::get<0>(entries(0).at(0)), line);
  EXPECT_EQ(std::get<0>(entries(1).at(0)), line);
}

TEST_F(LogWriting, OnAFullDiskDropsWholeLinesAndSaysSoWhenThereIsRoom) {
  ASSERT_EQ(::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=64k"), 0);
  const std::string line = std::string(1000, 'l') + "\n";
  LogWriter log = writer();
  sys::create_file(sys::here, directory_ / "ballast", std::string(40 << 10, 'b'));
  for (int i = 0; i < 50; i++) log.write(LogStream::output, line, noon);
  const std::size_t kept = entries().size();
  EXPECT_GT(kept, 5U);
  EXPECT_LT(kept, 45U);
  sys::remove_file(sys::here, directory_ / "ballast");
  log.write(LogStream::output, "again\n", noon);
  const auto all = entries();
  ASSERT_EQ(all.size(), kept + 2);
  EXPECT_EQ(all[kept], (Entry{"tare: " + std::to_string(50 - kept) +
                                  " lines of this log could not be written: No space left on device\n",
                              "stderr", noon_text}));
  EXPECT_EQ(std::get<0>(all[kept + 1]), "again\n");
  EXPECT_EQ(::umount2(directory_.path().c_str(), MNT_DETACH), 0);
}

TEST_F(LogWriting, BearsADirectoryThatIsGone) {
  LogWriter log(HostPath(directory_ / "absent"), {});
  for (int i = 0; i < 3; i++) log.write(LogStream::output, "nowhere\n", noon);
  sys::make_directory(directory_.fd(), "absent");
  log.write(LogStream::output, "somewhere\n", noon);
  const auto all = entries_of(sys::read_file(directory_.fd(), "absent/log.json"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(std::get<0>(all[0]),
            "tare: 3 lines of this log could not be written: No such file or directory\n");
}

}  // namespace
}  // namespace tare::monitor
