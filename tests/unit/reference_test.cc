#include "oci/reference.h"

#include <gtest/gtest.h>

#include "base/error.h"

using namespace tare;
using oci::parse_reference, oci::parse_tagged_reference;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

TEST(Reference, IsFilledInAsDockerDoes) {
  const struct {
    std::string text, whole, brief;
  } rows[] = {
      {"busybox", "docker.io/library/busybox", "busybox"},
      {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
      {"library/busybox", "docker.io/library/busybox", "busybox"},
      {"docker.io/busybox", "docker.io/library/busybox", "busybox"},
      {"index.docker.io/library/busybox:x", "docker.io/library/busybox:x", "busybox:x"},
      {"grafana/grafana:11.0.0", "docker.io/grafana/grafana:11.0.0", "grafana/grafana:11.0.0"},
      {"localhost/a", "localhost/a", "localhost/a"},
      {"localhost:5000/tools/jq:1.7", "localhost:5000/tools/jq:1.7", "localhost:5000/tools/jq:1.7"},
      {"ghcr.io/a/b/c_d/e__f/g-h/i.j", "ghcr.io/a/b/c_d/e__f/g-h/i.j", "ghcr.io/a/b/c_d/e__f/g-h/i.j"},
      {"EXAMPLE/a", "EXAMPLE/a", "EXAMPLE/a"},
      {"[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a"},
      {"alpine@" + digest, "docker.io/library/alpine@" + digest, "alpine@" + digest},
      {"alpine:3@" + digest, "docker.io/library/alpine:3@" + digest, "alpine:3@" + digest},
      {"a.b/c:latest", "a.b/c:latest", "a.b/c:latest"},
      {"test:5000/repo", "test:5000/repo", "test:5000/repo"},
      {"test:5000", "docker.io/library/test:5000", "test:5000"},
      {"a--b", "docker.io/library/a--b", "a--b"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(parse_reference(row.text).text(), row.whole) << row.text;
    EXPECT_EQ(parse_reference(row.text).short_text(), row.brief) << row.text;
    EXPECT_EQ(parse_reference(row.whole), parse_reference(row.text)) << row.text;
  }
}

TEST(Reference, WithoutTagAndDigestMeansLatest) {
  EXPECT_EQ(parse_tagged_reference("busybox").tag, "latest");
  EXPECT_EQ(parse_tagged_reference("busybox:1").tag, "1");
  EXPECT_EQ(parse_tagged_reference("busybox@" + digest).tag, "");
}

TEST(Reference, OfAnotherShapeIsRefused) {
  for (const std::string& text :
       {std::string(),         std::string("Busybox"),     std::string("a/B"),
        std::string(":1"),     std::string("a:"),          std::string("a::b"),
        std::string("a b"),    std::string("a//b"),        std::string("/a"),
        std::string("a/"),     std::string("-a"),          std::string("a-"),
        std::string("a..b"),   std::string("a___b"),       std::string("a/../b"),
        std::string("a@"),     std::string("a@sha256:12"), std::string("a@md5:aa"),
        std::string("a@b@c"),  std::string("a.b:x/c"),     std::string("a.b:/c"),
        std::string("a.-b/c"), std::string("[::1/a"),      std::string("a:") + std::string(129, 'x'),
        std::string("a:-x"),   std::string("a:x/"),        std::string("b.c/") + std::string(300, 'a'),
        std::string(64, 'a'),  std::string("a\n"),         std::string("a\0b", 3),
        std::string("\xff")})
    EXPECT_THROW(parse_reference(text), Error) << text;
}

TEST(Reference, IsRefusedInDockersWords) {
  const auto words = [](std::string_view text) {
    try {
      parse_reference(text);
    } catch (const Error& error) {
      return error.text();
    }
    return std::string();
  };
  EXPECT_EQ(words("Busybox"),
            "invalid reference format: repository name (Busybox) must be lowercase: \"Busybox\"");
  EXPECT_EQ(words("a:"),
            "invalid reference format: a tag has letters, digits, '_', '.' and '-', at most 128: \"a:\"");
}

}  // namespace
