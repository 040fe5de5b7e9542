#include "registry/hosts.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "registry/url.h"
#include "temporary_directory.h"

using namespace tare;
using registry::Endpoint, registry::Hosts;

namespace {

class Registries : public testing::Test {
 protected:
  TemporaryDirectory directory;
  registry::HostPlaces places{
      .files = {HostPath(directory / "user.json"), HostPath(directory / "system.json")},
      .certificate_directories = {HostPath(directory / "own"), HostPath(directory / "all")}};

  Hosts read() const { return Hosts(places); }
  std::string refusal(std::string_view text) const {
    directory.put("user.json", text);
    try {
      read();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_TRUE(error.text().starts_with(directory / "user.json: ")) << error.text();
      return error.text().substr((directory / "user.json: ").size());
    }
    return "none";
  }
};

std::vector<std::string> urls(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> all;
  all.reserve(endpoints.size());
  for (const auto& endpoint : endpoints) all.push_back(endpoint.url);
  return all;
}

TEST_F(Registries, AreWhereTheirNamesSay) {
  const Hosts hosts = read();
  EXPECT_EQ(urls(hosts.endpoints("docker.io")), std::vector<std::string>{"https://registry-1.docker.io"});
  EXPECT_EQ(urls(hosts.endpoints("ghcr.io")), std::vector<std::string>{"https://ghcr.io"});
  EXPECT_FALSE(hosts.origin("ghcr.io").may_be_plain);
  EXPECT_TRUE(hosts.origin("ghcr.io").trust.is_verified);
  for (const char* name :
       {"localhost", "localhost:5000", "127.0.0.1:80", "127.9.8.7", "[::1]:5000", "[::1]"}) {
    EXPECT_TRUE(hosts.origin(name).may_be_plain) << name;
    EXPECT_TRUE(hosts.origin(name).trust.is_verified) << name;
  }
  for (const char* name : {"localhost.example", "127.example.com", "128.0.0.1", "[::2]:5000", "[fe80::1]"})
    EXPECT_FALSE(hosts.origin(name).may_be_plain) << name;
}

TEST_F(Registries, HaveMirrorsThatAreAskedFirst) {
  directory.put("user.json", R"({"docker.io": {"mirrors": ["https://m.example/hub/", "http://10.0.0.1:5000"]},
                                 "m.example": {"ca": "/ca.pem"}})");
  const auto endpoints = read().endpoints("docker.io");
  EXPECT_EQ(urls(endpoints), (std::vector<std::string>{"https://m.example/hub", "http://10.0.0.1:5000",
                                                       "https://registry-1.docker.io"}));
  EXPECT_EQ(endpoints[0].domain, "m.example");
  EXPECT_EQ(endpoints[0].trust.authorities, std::vector{HostPath("/ca.pem")});
  EXPECT_TRUE(endpoints[0].is_mirror);
  EXPECT_EQ(endpoints[1].domain, "10.0.0.1:5000");
  EXPECT_EQ(endpoints[2].domain, "docker.io");
  EXPECT_TRUE(endpoints[2].trust.authorities.empty());
}

TEST_F(Registries, AreWhatTheUsersFileSaysBeforeTheSystems) {
  directory.put("system.json", R"({"a.example": {"insecure": true}, "b.example": {"insecure": true}})");
  directory.put("user.json", R"({"a.example": {}})");
  EXPECT_TRUE(read().origin("a.example").trust.is_verified);
  EXPECT_FALSE(read().origin("b.example").trust.is_verified);
  EXPECT_TRUE(read().origin("b.example").may_be_plain);
}

TEST_F(Registries, HaveCertificatesInTheFirstDirectoryThatHasTheirs) {
  directory.put("all/a.example:5000/one.crt", "");
  directory.put("all/b.example/x.crt", "");
  directory.put("own/a.example:5000/ca.crt", "");
  directory.put("own/a.example:5000/me.cert", "");
  directory.put("own/a.example:5000/me.key", "");
  directory.put("own/a.example:5000/README", "");
  const registry::Trust trust = read().trust("a.example:5000");
  EXPECT_EQ(trust.authorities, std::vector{HostPath(directory / "own/a.example:5000/ca.crt")});
  EXPECT_EQ(trust.certificate.value, directory / "own/a.example:5000/me.cert");
  EXPECT_EQ(trust.key.value, directory / "own/a.example:5000/me.key");
  EXPECT_EQ(read().trust("b.example").authorities, std::vector{HostPath(directory / "all/b.example/x.crt")});
  EXPECT_TRUE(read().trust("a.example").authorities.empty());
  directory.put("own/c.example/me.cert", "");
  EXPECT_THROW(read().trust("c.example"), Error);
}

TEST_F(Registries, OfAFileThatMakesNoSenseAreRefused) {
  EXPECT_EQ(refusal("[]"), "expected an object");
  EXPECT_NE(refusal("{"), "none");
  EXPECT_EQ(refusal(R"({"https://a.example": {}})"),
            "/https:~1~1a.example: expected a registry's name such as docker.io or localhost:5000");
  EXPECT_EQ(
      refusal(R"({"a.example": {"mirror": []}})"),
      "/a.example/mirror: is no field of a registry; those are mirrors, insecure, ca, certificate and key");
  EXPECT_EQ(refusal(R"({"a.example": {"insecure": "yes"}})"), "/a.example/insecure: expected true or false");
  EXPECT_EQ(
      refusal(R"({"a.example": {"mirrors": ["m.example"]}})"),
      "/a.example/mirrors/0: expected a URL such as https://mirror.example or http://10.0.0.1:5000/hub");
  EXPECT_NE(refusal(R"({"a.example": {"mirrors": ["ftp://m.example"]}})"), "none");
  EXPECT_NE(refusal(R"({"a.example": {"mirrors": ["https://u:p@m.example"]}})"), "none");
  EXPECT_EQ(refusal(R"({"a.example": {"ca": "ca.pem"}})"), "/a.example/ca: expected a path from /");
  EXPECT_EQ(refusal(R"({"a.example": {"key": "/k"}})"),
            "/a.example: a certificate and its key are given together");
  EXPECT_EQ(refusal("{}"), "none");
}

TEST(Url, IsTakenApart) {
  const auto url = registry::try_parse_url("HTTPS://A.example:443/v2/?n=1#x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->text, "https://a.example/v2/?n=1");
  EXPECT_EQ(registry::try_parse_url("http://[::1]:5000")->domain, "[::1]:5000");
  EXPECT_EQ(registry::try_parse_url("http://[::1]:5000")->path, "/");
  for (const char* text : {"", "a.example", "//a", "file:///etc/passwd", "https://", "https://u@a",
                           "https://a b", "https://a/\n", "ftp://a"})
    EXPECT_FALSE(registry::try_parse_url(text)) << text;
}

TEST(Url, IsResolved) {
  const auto base = registry::try_parse_url("https://a.example/v2/x/blobs/uploads/?q=1");
  const auto resolved = [&](std::string_view location) {
    const auto url = registry::try_resolve(*base, location);
    return url ? url->text : "none";
  };
  EXPECT_EQ(resolved("/v2/y?state=1"), "https://a.example/v2/y?state=1");
  EXPECT_EQ(resolved("z"), "https://a.example/v2/x/blobs/uploads/z");
  EXPECT_EQ(resolved("http://b.example:5000/c"), "http://b.example:5000/c");
  EXPECT_EQ(resolved("//b.example/c"), "https://b.example/c");
  EXPECT_EQ(resolved("file:///etc/passwd"), "none");
  EXPECT_EQ(resolved(""), "none");
}

TEST(Url, GetsAQuery) {
  EXPECT_EQ(registry::with_query("https://a/t", {{"service", "a b"}, {"scope", "repository:x:pull,push"}}),
            "https://a/t?service=a%20b&scope=repository%3Ax%3Apull%2Cpush");
  EXPECT_EQ(registry::with_query("https://a/t?x=1", {{"digest", "sha256:1"}}),
            "https://a/t?x=1&digest=sha256%3A1");
  EXPECT_EQ(registry::next_link("</v2/_catalog?last=b&n=2>; rel=\"next\""), "/v2/_catalog?last=b&n=2");
  EXPECT_EQ(registry::next_link("<a>; rel=prev, <b>; rel=next"), "b");
  EXPECT_EQ(registry::next_link("<a>; rel=prev"), "");
  EXPECT_EQ(registry::next_link("<a"), "");
}

}  // namespace
