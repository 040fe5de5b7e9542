#include "cli/suggest.h"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace tare::cli {
namespace {

constexpr std::array<std::string_view, 10> commands = {"run",  "rm",    "ps",    "rename", "restart",
                                                       "stop", "start", "stats", "pause",  "network"};

std::string nearest(std::string_view word) {
  return std::string(suggest(word, commands).value_or("nothing"));
}

TEST(Suggest, FindsTheWordBehindOneSlip) {
  EXPECT_EQ(nearest("rnu"), "run");
  EXPECT_EQ(nearest("runn"), "run");
  EXPECT_EQ(nearest("stpo"), "stop");
  EXPECT_EQ(nearest("strat"), "start");
  EXPECT_EQ(nearest("paus"), "pause");
  EXPECT_EQ(nearest("netwrok"), "network");
}

TEST(Suggest, IgnoresCase) {
  EXPECT_EQ(nearest("RUN"), "run");
  EXPECT_EQ(nearest("Restrat"), "restart");
}

TEST(Suggest, FindsTheWordOfWhichOnlyTheBeginningWasTyped) {
  EXPECT_EQ(nearest("netw"), "network");
  EXPECT_EQ(nearest("rest"), "restart");
}

TEST(Suggest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("frobnicate"), "nothing");
  EXPECT_EQ(nearest(""), "nothing");
  EXPECT_EQ(nearest("x"), "nothing");
  EXPECT_EQ(nearest("-"), "nothing");
  EXPECT_EQ(nearest("zz"), "nothing");
  EXPECT_EQ(suggest("run", {}), std::nullopt);
}

TEST(Suggest, PrefersTheWordWithTheSameFirstLetterAmongEquallyNearOnes) {
  constexpr std::array<std::string_view, 2> words = {"cat", "bar"};
  EXPECT_EQ(suggest("bat", words), "bar");
}

TEST(Suggest, BearsAnyBytesAndAnyLength) {
  EXPECT_EQ(nearest("\xff\xfe"), "nothing");
  EXPECT_EQ(nearest(std::string("r\0n", 3)), "run");
  EXPECT_EQ(nearest(std::string(1'000'000, 'r')), "nothing");
  const std::string long_candidate(1000, 'a');
  const std::array<std::string_view, 2> words = {long_candidate, ""};
  EXPECT_EQ(suggest(std::string(999, 'a') + "b", words), std::nullopt);
  EXPECT_EQ(suggest("", words), std::nullopt);
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "abd"), 1u);
  EXPECT_EQ(edit_distance("abc", "ab"), 1u);
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace tare::cli
