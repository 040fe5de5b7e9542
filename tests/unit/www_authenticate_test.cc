#include "registry/www_authenticate.h"

#include <gtest/gtest.h>

using namespace tare;
using registry::find_challenge, registry::parse_challenges;

namespace {

// "basic realm=x|bearer realm=y,scope=z", with a token in brackets.
std::string shown(std::string_view header) {
  std::string text;
  for (const auto& challenge : parse_challenges(header)) {
    text += text.empty() ? "" : "|";
    text += challenge.scheme;
    if (!challenge.token.empty()) text += "[" + challenge.token + "]";
    for (const auto& [name, value] : challenge.parameters) text += " " + name + "=" + value;
  }
  return text;
}

TEST(WwwAuthenticate, IsReadAsRegistriesWriteIt) {
  EXPECT_EQ(shown("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                  "scope=\"repository:library/busybox:pull\""),
            "bearer realm=https://auth.docker.io/token service=registry.docker.io "
            "scope=repository:library/busybox:pull");
  EXPECT_EQ(shown("Basic realm=\"Registry Realm\""), "basic realm=Registry Realm");
  EXPECT_EQ(shown("BASIC REALM=x"), "basic realm=x");
  EXPECT_EQ(shown("Bearer realm=\"r\",error=\"invalid_token\""), "bearer realm=r error=invalid_token");
  EXPECT_EQ(shown("Bearer realm = \"r\" , scope = \"a,b\""), "bearer realm=r scope=a,b");
}

TEST(WwwAuthenticate, MayHoldSeveralChallenges) {
  EXPECT_EQ(shown("Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\""),
            "newauth realm=apps type=1 title=Login to \"apps\"|basic realm=simple");
  EXPECT_EQ(shown("Negotiate, Basic realm=x"), "negotiate|basic realm=x");
  EXPECT_EQ(shown("Negotiate YWJj==, Bearer realm=x"), "negotiate[YWJj==]|bearer realm=x");
  EXPECT_EQ(shown(" , ,Basic realm=x,, Bearer realm=y,"), "basic realm=x|bearer realm=y");
  const auto challenges = parse_challenges("Basic realm=a, Bearer realm=b, Bearer realm=c");
  ASSERT_TRUE(find_challenge(challenges, "bearer"));
  EXPECT_EQ(find_challenge(challenges, "bearer")->parameter("realm"), "b");
  EXPECT_EQ(find_challenge(challenges, "bearer")->parameter("scope"), "");
  EXPECT_FALSE(find_challenge(challenges, "digest"));
}

TEST(WwwAuthenticate, IsLeftAloneWhereItMakesNoSense) {
  for (const std::string_view text : {"", " ", ",", "=", "\"", "Bearer realm=\"open", "Bearer realm=\"a\\",
                                      "Bearer realm=\"a\nb\"", "(Bearer)", "Bearer/1", "Bearer a b"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("Basic realm=x, Bearer realm=\"open"), "basic realm=x");
  EXPECT_EQ(shown("Bearer realm=\"a\\\\b\\\"c\""), "bearer realm=a\\b\"c");
  EXPECT_EQ(shown("Bearer realm=\"\""), "bearer realm=");
}

}  // namespace
