#include "base/units.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

/// The text of the error that `action` ends with.
template <typename Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.text();
  }
  return "accepted";
}

std::string size_refusal(std::string_view text) {
  return refusal([&] { parse_size(text); });
}

TEST(Size, IsReadWithEveryUnitDockerKnows) {
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("512"), 512);
  EXPECT_EQ(parse_size("512b"), 512);
  EXPECT_EQ(parse_size("64k"), 64 << 10);
  EXPECT_EQ(parse_size("64kb"), 64 << 10);
  EXPECT_EQ(parse_size("64kib"), 64 << 10);
  EXPECT_EQ(parse_size("512m"), 512 << 20);
  EXPECT_EQ(parse_size("2g"), 2LL << 30);
  EXPECT_EQ(parse_size("3t"), 3LL << 40);
  EXPECT_EQ(parse_size("4p"), 4LL << 50);
}

TEST(Size, IgnoresTheCaseOfItsUnit) {
  EXPECT_EQ(parse_size("1K"), 1024);
  EXPECT_EQ(parse_size("1Kb"), 1024);
  EXPECT_EQ(parse_size("1KiB"), 1024);
  EXPECT_EQ(parse_size("7B"), 7);
}

TEST(Size, MayBeAFractionAndDropsTheFractionOfAByte) {
  EXPECT_EQ(parse_size("1.5g"), 3LL << 29);
  EXPECT_EQ(parse_size(".5k"), 512);
  EXPECT_EQ(parse_size("1.k"), 1024);
  EXPECT_EQ(parse_size("0.1g"), 107374182);
  EXPECT_EQ(parse_size("1.9"), 1);
  EXPECT_EQ(parse_size("1.00000000000000000000000000001k"), 1024);
}

TEST(Size, MayHaveOneSpaceBeforeItsUnit) {
  EXPECT_EQ(parse_size("1 g"), 1 << 30);
  EXPECT_EQ(parse_size("1.5 GiB"), 3LL << 29);
  EXPECT_EQ(size_refusal("1  g"), "invalid size: '1  g'");
}

TEST(Size, OfJunkIsRefusedByNamingTheJunk) {
  for (const char* text :
       {"",     " ",   "b",     ".",  "abc", "1gi", "1ib", "1bb", "1e",  "1x",   "1kbb", "1kk",  "1.5.5",
        "0x10", "1e3", "1_000", "-1", "-5m", "+5m", " 1",  "nan", "inf", "1,5g", "\xff", "1\xff"})
    EXPECT_EQ(size_refusal(text), std::string("invalid size: '") + text + "'");
}

TEST(Size, ThatDoesNotFitIsRefused) {
  EXPECT_EQ(parse_size("9223372036854775807"), largest);
  EXPECT_EQ(parse_size("8191p"), 8191LL << 50);
  for (const char* text :
       {"9223372036854775808", "8192p", "99999999999999999999999999", "9223372036854775807p"})
    EXPECT_EQ(size_refusal(text), std::string("size is too large: '") + text + "'");
  EXPECT_EQ(size_refusal(std::string(100'000, '9')).substr(0, 17), "size is too large");
}

TEST(Size, IsUnlimitedOnlyWhereTheCallerAllowsIt) {
  EXPECT_EQ(parse_size_or_unlimited("-1"), -1);
  EXPECT_EQ(parse_size_or_unlimited("1k"), 1024);
  EXPECT_EQ(refusal([] { parse_size_or_unlimited("-2"); }), "invalid size: '-2'");
  EXPECT_EQ(refusal([] { parse_size_or_unlimited("-1b"); }), "invalid size: '-1b'");
}

TEST(Size, IsWrittenWithFourDigitsAsDockerStatsDoes) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1023), "1023B");
  EXPECT_EQ(format_size(1024), "1KiB");
  EXPECT_EQ(format_size(1'000'000'000), "953.7MiB");
  EXPECT_EQ(format_size(3LL << 29), "1.5GiB");
  EXPECT_EQ(format_size(largest), "8EiB");
}

TEST(Size, IsWrittenInThousandsWithThreeDigitsAsDockerImagesDoes) {
  EXPECT_EQ(format_size_decimal(0), "0B");
  EXPECT_EQ(format_size_decimal(999), "999B");
  EXPECT_EQ(format_size_decimal(1000), "1kB");
  EXPECT_EQ(format_size_decimal(4'267'000), "4.27MB");
  EXPECT_EQ(format_size_decimal(72'800'000), "72.8MB");
  EXPECT_EQ(format_size_decimal(999'700), "1MB");
}

TEST(Integer, IsReadUpToItsTypesEnds) {
  EXPECT_EQ(parse_integer<int>("0"), 0);
  EXPECT_EQ(parse_integer<int>("-2147483648"), std::numeric_limits<int>::min());
  EXPECT_EQ(parse_integer<std::int64_t>("9223372036854775807"), largest);
  EXPECT_EQ(parse_integer<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_integer<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(parse_integer<int>("007"), 7);
}

TEST(Integer, IsTheWholeTextAndNothingElse) {
  for (const char* text :
       {"", " ", "-", "+1", " 1", "1 ", "0x10", "1e3", "1.0", "1_000", "--1", "abc", "1\n", "\xff"})
    EXPECT_EQ(refusal([&] { parse_integer<int>(text); }), std::string("not a whole number: '") + text + "'");
  EXPECT_EQ(refusal([] { parse_integer<unsigned>("-1"); }), "not a whole number: '-1'");
  EXPECT_EQ(refusal([] { parse_integer<int>(std::string_view("1\0", 2)); }).substr(0, 18),
            "not a whole number");
}

TEST(Integer, OutsideItsRangeSaysTheRange) {
  try {
    parse_integer<int>("1001", 10, 1000);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "number is out of range: '1001' (from 10 to 1000)");
  }
  EXPECT_EQ(refusal([] { parse_integer<int>("9", 10, 1000); }), "number is out of range: '9'");
  EXPECT_EQ(refusal([] { parse_integer<std::uint16_t>("65536"); }), "number is out of range: '65536'");
  EXPECT_EQ(refusal([] { parse_integer<std::int64_t>("9223372036854775808"); }),
            "number is out of range: '9223372036854775808'");
  EXPECT_EQ(refusal([] { parse_integer<int>("99999999999999999999", -1000, -1); }),
            "number is out of range: '99999999999999999999'");
}

TEST(Integer, OutsideANegativeRangeSaysThatRange) {
  try {
    parse_integer<int>("5", -1000, -1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "from -1000 to -1");
  }
}

TEST(Cpus, AreReadExactlyToTheBillionth) {
  EXPECT_EQ(parse_cpus("1.5"), 1'500'000'000);
  EXPECT_EQ(parse_cpus("2"), 2'000'000'000);
  EXPECT_EQ(parse_cpus(".25"), 250'000'000);
  EXPECT_EQ(parse_cpus("0.000000001"), 1);
  EXPECT_EQ(parse_cpus("0.1"), 100'000'000);
  EXPECT_EQ(parse_cpus("1.50000000000000"), 1'500'000'000);
  EXPECT_EQ(parse_cpus("0"), 0);
}

TEST(Cpus, OfJunkAreRefused) {
  for (const char* text :
       {"", ".", "abc", "nan", "inf", "-1", "+1", "1e3", "1.5.5", " 1", "1 ", "1/2", "0x1", "1,5"})
    EXPECT_EQ(refusal([&] { parse_cpus(text); }), std::string("invalid number of CPUs: '") + text + "'");
  EXPECT_EQ(refusal([] { parse_cpus("0.0000000001"); }), "number of CPUs is too precise: '0.0000000001'");
  EXPECT_EQ(refusal([] { parse_cpus("99999999999999999999"); }),
            "number of CPUs is too large: '99999999999999999999'");
}

TEST(Cpus, BecomeAQuotaOfThePeriod) {
  EXPECT_EQ(cpu_quota(1'500'000'000), 150'000);
  EXPECT_EQ(cpu_quota(500'000'000, 50'000), 25'000);
  EXPECT_EQ(cpu_quota(0), 0);
  EXPECT_EQ(cpu_quota(parse_cpus("1000000"), 1'000'000), 1'000'000'000'000);
}

TEST(Duration, IsWordedAsDockerWordsIt) {
  EXPECT_EQ(format_duration(seconds(-5)), "Less than a second");
  EXPECT_EQ(format_duration(seconds(0)), "Less than a second");
  EXPECT_EQ(format_duration(seconds(1)), "1 second");
  EXPECT_EQ(format_duration(seconds(59)), "59 seconds");
  EXPECT_EQ(format_duration(seconds(60)), "About a minute");
  EXPECT_EQ(format_duration(seconds(119)), "About a minute");
  EXPECT_EQ(format_duration(minutes(2)), "2 minutes");
  EXPECT_EQ(format_duration(minutes(59)), "59 minutes");
  EXPECT_EQ(format_duration(minutes(60)), "About an hour");
  EXPECT_EQ(format_duration(minutes(89)), "About an hour");
  EXPECT_EQ(format_duration(minutes(90)), "2 hours");
  EXPECT_EQ(format_duration(hours(47)), "47 hours");
  EXPECT_EQ(format_duration(hours(48)), "2 days");
  EXPECT_EQ(format_duration(hours(24 * 13)), "13 days");
  EXPECT_EQ(format_duration(hours(24 * 14)), "2 weeks");
  EXPECT_EQ(format_duration(hours(24 * 59)), "8 weeks");
  EXPECT_EQ(format_duration(hours(24 * 60)), "2 months");
  EXPECT_EQ(format_duration(hours(24 * 729)), "24 months");
  EXPECT_EQ(format_duration(hours(24 * 365 * 2)), "2 years");
}

TEST(Duration, OfAnAgeEndsWithAgo) {
  EXPECT_EQ(human_ago(seconds(5)), "5 seconds ago");
  EXPECT_EQ(human_ago(seconds(61)), "About a minute ago");
  EXPECT_EQ(human_ago(hours(2)), "2 hours ago");
}

TEST(ParseSize, CountsInThousandsForLogs) {
  EXPECT_EQ(parse_size_decimal("10m"), 10'000'000);
  EXPECT_EQ(parse_size_decimal("1.5kb"), 1500);
  EXPECT_EQ(parse_size_decimal("2GiB"), 2'000'000'000) << "as docker has it";
  EXPECT_EQ(parse_size_decimal("7"), 7);
}

}  // namespace
}  // namespace tare
