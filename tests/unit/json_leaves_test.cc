#include "base/json_leaves.h"

#include <gtest/gtest.h>
#include <optional>

using namespace tare;

namespace {

struct Inner {
  std::int64_t code = 0;
  std::string words;
};
struct Outer {
  std::string name;
  std::vector<std::string> texts;
  bool flag = false;
  std::optional<Inner> inner;
};

Inner& inner_of(Outer& outer) { return outer.inner ? *outer.inner : outer.inner.emplace(); }

using json::Leaf;
constexpr json::LeafField<Outer> fields[] = {
    {"name", [](Outer& outer, const Leaf& leaf) { outer.name = leaf.text(); }},
    {"texts", [](Outer& outer, const Leaf& leaf) { leaf.add_to(outer.texts); }},
    {"flag", [](Outer& outer, const Leaf& leaf) { outer.flag = leaf.flag(); }, true},
    {"inner.code", [](Outer& outer, const Leaf& leaf) { inner_of(outer).code = leaf.integer(); }},
    {"inner.words", [](Outer& outer, const Leaf& leaf) { inner_of(outer).words = leaf.text(); }, true},
};

std::string complaint(std::string_view text) {
  try {
    json::from_leaves(text, fields);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.what();
  }
  return {};
}

TEST(JsonLeaves, FillAStruct) {
  const Outer outer = json::from_leaves(
      R"( {"other":{"name":"no","list":[[1],{"name":"no"}]},"name":"a\"\u00e9\n","texts":["x","","y\\z"],
           "inner":{"words":"w","code":-7,"deeper":{"code":1}},"flag":true,"last":null} )",
      fields);
  EXPECT_EQ(outer.name, "a\"\xc3\xa9\n");
  EXPECT_EQ(outer.texts, (std::vector<std::string>{"x", "", "y\\z"}));
  EXPECT_TRUE(outer.flag);
  ASSERT_TRUE(outer.inner);
  EXPECT_EQ(outer.inner->code, -7);
  EXPECT_EQ(outer.inner->words, "w");
}

TEST(JsonLeaves, MayBeMissingWhereTheyAreOptionalOrTheirObjectIs) {
  const Outer outer = json::from_leaves(R"({"name":"","texts":[]})", fields);
  EXPECT_TRUE(outer.texts.empty());
  EXPECT_FALSE(outer.inner);
  EXPECT_EQ(complaint(R"({"name":""})"), "the field texts is missing");
  EXPECT_EQ(complaint(R"({"texts":[]})"), "the field name is missing");
  EXPECT_EQ(complaint(R"({"name":"","texts":[],"inner":{"words":""}})"), "the field inner.code is missing");
  EXPECT_EQ(complaint("{}"), "the field name is missing");
}

TEST(JsonLeaves, OfAnotherKindAreNamed) {
  for (const char* name : {"1", "null", "true", "[\"a\"]", "1.5", "18446744073709551615"})
    EXPECT_EQ(complaint("{\"name\":" + std::string(name) + "}"), "the field name is no string") << name;
  EXPECT_EQ(complaint(R"({"flag":"true"})"), "the field flag is neither true nor false");
  EXPECT_EQ(complaint(R"({"inner":{"code":"1"}})"), "the field inner.code is no integer");
  EXPECT_EQ(complaint(R"({"inner":{"code":9223372036854775808}})"), "the field inner.code is no integer");
  EXPECT_EQ(complaint(R"({"texts":"a"})"), "the field texts is no array");
  EXPECT_EQ(complaint(R"({"texts":null})"), "the field texts is no array");
  EXPECT_EQ(complaint(R"({"texts":["a",1]})"), "the field texts holds something else than strings");
}

TEST(JsonLeaves, AreInAnObject) {
  for (const char* text : {"[]", "[1]", "null", "1", "\"name\"", "[{\"name\":\"\"}]"})
    EXPECT_EQ(complaint(text), "it is JSON, but no object") << text;
  for (const char* text : {"", " ", "{", "{\"name\":\"a", "{\"other\":1,}", "{} {}", "{\"name\"", "\x01"})
    EXPECT_TRUE(complaint(text).starts_with("not JSON near byte ")) << text << ": " << complaint(text);
}

TEST(JsonLeaves, KeepTheirBytes) {
  EXPECT_EQ(json::from_leaves("{\"name\":\"\xff\xfe\",\"texts\":[\"nul\\u0000inside\"]}", fields).texts[0],
            std::string("nul\0inside", 10));
}

}  // namespace
