#include "base/time.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare {
namespace {

TEST(Time, IsWrittenInUtcWithNineDecimals) {
  EXPECT_EQ(format_time({0, 0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(format_time({1709208000, 1}), "2024-02-29T12:00:00.000000001Z");
  EXPECT_EQ(format_time({-1, 999'999'999}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Time, IsReadWithAndWithoutDecimals) {
  EXPECT_EQ(parse_time("2024-02-29T12:00:00Z"), (Time{1709208000, 0}));
  EXPECT_EQ(parse_time("2024-02-29T12:00:00.1Z"), (Time{1709208000, 100'000'000}));
  EXPECT_EQ(parse_time("2024-02-29T12:00:00.123456789Z"), (Time{1709208000, 123'456'789}));
  EXPECT_EQ(parse_time("2024-02-29T12:00:00.1234567899Z"), (Time{1709208000, 123'456'789}));
  EXPECT_EQ(parse_time("2024-02-29t12:00:00z"), (Time{1709208000, 0}));
}

TEST(Time, IsReadFromEveryZone) {
  EXPECT_EQ(parse_time("2024-02-29T14:00:00+02:00"), (Time{1709208000, 0}));
  EXPECT_EQ(parse_time("2024-02-29T06:30:00.5-05:30"), (Time{1709208000, 500'000'000}));
  EXPECT_EQ(parse_time("2024-02-29T12:00:00-00:00"), (Time{1709208000, 0}));
}

TEST(Time, OfNeverSurvivesReadingAndWriting) {
  for (const char* text : {"0001-01-01T00:00:00.000000000Z", "9999-12-31T23:59:59.999999999Z",
                           "2262-04-11T23:47:16.854775808Z", "2000-02-29T00:00:00.000000000Z"})
    EXPECT_EQ(format_time(parse_time(text)), text);
}

TEST(Time, ThatDoesNotExistIsRefused) {
  for (const char* text :
       {"2023-02-29T12:00:00Z", "2024-13-01T12:00:00Z", "2024-00-01T12:00:00Z", "2024-01-00T12:00:00Z",
        "2024-04-31T12:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T12:60:00Z", "2024-01-01T12:00:60Z",
        "2024-01-01T12:00:00+24:00", "2024-01-01T12:00:00+01:60"})
    EXPECT_FALSE(try_parse_time(text)) << text;
}

TEST(Time, OfAnyOtherShapeIsRefused) {
  for (const char* text :
       {"", " ", "now", "2024", "2024-01-01", "2024-01-01T12:00Z", "2024-01-01T12:00:00",
        "2024-01-01T12:00:00.Z", "2024-01-01T12:00:00Z ", " 2024-01-01T12:00:00Z", "2024-1-1T12:00:00Z",
        "2024-01-01T12:00:00+0100", "2024-01-01T12:00:00,5Z", "+024-01-01T12:00:00Z", "12024-01-01T12:00:00Z",
        "2024-01-01T12:00:00.5", "2024-01-01T12:00:00ZZ", "\xff\xfe", "2024-01-01T12:00:00\xff"})
    EXPECT_FALSE(try_parse_time(text)) << text;
  EXPECT_FALSE(try_parse_time(std::string_view("2024-01-01T12:00:00Z\0", 21)));
}

TEST(Time, ThatIsNoneIsNamedInTheError) {
  try {
    parse_time("yesterday");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "invalid time: 'yesterday' (as in 2024-02-29T12:00:00Z)");
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
  }
}

TEST(Time, DifferencesAreRoundedDown) {
  EXPECT_EQ(seconds_between({10, 0}, {15, 0}).count(), 5);
  EXPECT_EQ(seconds_between({10, 500}, {15, 0}).count(), 4);
  EXPECT_EQ(seconds_between({10, 0}, {15, 500}).count(), 5);
  EXPECT_EQ(seconds_between({15, 0}, {10, 0}).count(), -5);
}

TEST(Time, NowIsAfterThisWasWrittenAndDoesNotGoBack) {
  const Time first = now();
  EXPECT_GT(first, parse_time("2024-01-01T00:00:00Z"));
  EXPECT_LE(first, now());
  EXPECT_LT(first.nanoseconds, 1'000'000'000);
}

}  // namespace
}  // namespace tare
