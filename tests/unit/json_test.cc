#include "base/json.h"

#include <gtest/gtest.h>

#include "base/error.h"

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

TEST(Json, FieldsOfAnotherTypeAreRefusedByName) {
  const value parsed =
      parse(R"({"text": 1, "texts": ["a", 2], "object": [], "flag": "true", "number": "1"})");
  const object& fields = as_object(parsed);
  const auto refusal = [](auto act) -> std::string {
    try {
      (void)act();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      return error.text();
    }
    return "none";
  };
  EXPECT_EQ(refusal([] { return as_object(parse("[]")); }), "it is JSON, but no object");
  EXPECT_EQ(refusal([&] { return text_field(fields, "text"); }), "the field text is no string");
  EXPECT_EQ(refusal([&] { return texts_field(fields, "texts"); }),
            "the field texts holds something else than strings");
  EXPECT_EQ(refusal([&] { return texts_field(fields, "object"); }), "none");
  EXPECT_EQ(refusal([&] { return texts_field(fields, "text"); }), "the field text is no array");
  EXPECT_EQ(refusal([&] { return object_field(fields, "object"); }), "the field object is no object");
  EXPECT_EQ(refusal([&] { return object_field(fields, "absent"); }), "the field absent is missing");
  EXPECT_EQ(refusal([&] { return flag_field(fields, "flag"); }), "the field flag is neither true nor false");
  EXPECT_EQ(refusal([&] { return integer_field(fields, "number"); }), "the field number is no integer");
}

}  // namespace
}  // namespace tare::json
