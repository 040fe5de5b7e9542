#include "engine/moment.h"

#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::engine {
namespace {

constexpr Time present{1'000'000, 500'000'000};

TEST(Moment, IsADurationAgo) {
  EXPECT_EQ(parse_moment("10m", present), (Time{999'400, 500'000'000}));
  EXPECT_EQ(parse_moment("1h30m", present), (Time{994'600, 500'000'000}));
  EXPECT_EQ(parse_moment("1.75s", present), (Time{999'998, 750'000'000}));
  EXPECT_EQ(parse_moment("3ms2us1ns", present), (Time{1'000'000, 496'997'999}));
  EXPECT_EQ(parse_moment("-1m", present), (Time{1'000'060, 500'000'000}));
}

TEST(Moment, IsSecondsOfUnix) {
  EXPECT_EQ(parse_moment("1700000000", present), (Time{1'700'000'000, 0}));
  EXPECT_EQ(parse_moment("1700000000.25", present), (Time{1'700'000'000, 250'000'000}));
  EXPECT_EQ(parse_moment("0", present), (Time{0, 0}));
}

TEST(Moment, IsADateWithAZone) {
  EXPECT_EQ(parse_moment("1970-01-02T00:00:00Z", present), (Time{86'400, 0}));
  EXPECT_EQ(parse_moment("1970-01-02T01:00:00.5+01:00", present), (Time{86'400, 500'000'000}));
  EXPECT_EQ(parse_moment("1970-01-02Z", present), (Time{86'400, 0}));
  EXPECT_EQ(parse_moment("1970-01-02T03-01:00", present), (Time{86'400 + 4 * 3600, 0}));
}

TEST(Moment, IsADateOfHereWithoutOne) {
  ASSERT_EQ(::setenv("TZ", "XYZ-2", 1), 0);  // two hours east
  ::tzset();
  EXPECT_EQ(parse_moment("1970-01-02", present), (Time{86'400 - 7200, 0}));
  EXPECT_EQ(parse_moment("1970-01-02T03", present), (Time{86'400 + 3600, 0}));
  EXPECT_EQ(parse_moment("1970-01-02T03:04", present), (Time{86'400 + 3600 + 240, 0}));
  EXPECT_EQ(parse_moment("1970-01-02T03:04:05.5", present), (Time{86'400 + 3600 + 245, 500'000'000}));
  ASSERT_EQ(::unsetenv("TZ"), 0);
  ::tzset();
}

TEST(Moment, IsNothingElse) {
  for (const char* text : {"", "m", "10", "10x", "10m5", "yesterday", "1970-13-01", "1970-01", "1.2.3", "1.",
                           "--5m", "1e99h", "."})
    if (std::string(text) != "10") {
      EXPECT_THROW(parse_moment(text, present), Error) << text;
    }
}

}  // namespace
}  // namespace tare::engine
