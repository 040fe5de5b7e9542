#include "base/json.h"

#include <gtest/gtest.h>

namespace tare::json {
namespace {

TEST(Json, StringsOfAnyBytesComeBackAsTheyWere) {
  std::string bytes;
  for (int byte = 1; byte < 256; byte++) bytes.push_back(static_cast<char>(byte));
  const value parsed = parse(compact(object{{"text", bytes}}));
  EXPECT_EQ(text_field(parsed.as_object(), "text"), bytes);
}

TEST(Json, WhatIsPrintedForOtherProgramsIsUtf8) {
  EXPECT_EQ(pretty(object{{"text",
                           "a\xff"
                           "b"}}),
            "{\n  \"text\": \"a\xef\xbf\xbd"
            "b\"\n}\n");
}

TEST(Json, OnlyBytesThatBelongToNoCharacterAreReplaced) {
  const std::string good = "a\xc3\xa9\xe2\x82\xac\xed\x9f\xbf\xf0\x9f\x90\xb3\xf4\x8f\xbf\xbf";
  EXPECT_EQ(replace_invalid_utf8(good), good);
  const std::string replacement = "\xef\xbf\xbd";
  EXPECT_EQ(replace_invalid_utf8("\xc3"), replacement);                    // cut off
  EXPECT_EQ(replace_invalid_utf8("\xc0\x80"), replacement + replacement);  // longer than needed
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), replacement + replacement + replacement);  // a surrogate
  EXPECT_EQ(replace_invalid_utf8("\xf4\x90\x80\x80x"),
            replacement + replacement + replacement + replacement + "x");
}

}  // namespace
}  // namespace tare::json
