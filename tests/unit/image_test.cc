#include "oci/image.h"

#include <gtest/gtest.h>

#include "base/error.h"

using namespace tare;
using namespace tare::oci;

namespace {

const std::string a = "sha256:" + std::string(64, 'a'), b = "sha256:" + std::string(64, 'b');

std::string complaint(const auto& parse, std::string_view text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Platform, IsReadAsDockerWritesIt) {
  EXPECT_EQ(parse_platform("linux/amd64"), (Platform{"linux", "amd64", ""}));
  EXPECT_EQ(parse_platform("linux/arm64/v8"), (Platform{"linux", "arm64", "v8"}));
  EXPECT_EQ(parse_platform("linux/x86_64"), (Platform{"linux", "amd64", ""}));
  EXPECT_EQ(parse_platform("linux/armhf"), (Platform{"linux", "arm", "v7"}));
  EXPECT_EQ(parse_platform("aarch64"), (Platform{"linux", "arm64", ""}));
  for (const char* text : {"", "/", "linux/", "nonsense", "Linux/amd64", "linux/amd64/", "linux/am d64"})
    EXPECT_THROW(parse_platform(text), Error) << text;
}

TEST(Platform, FitsWithoutAVariant) {
  EXPECT_TRUE(fits({"linux", "arm64", "v8"}, {"linux", "arm64", ""}));
  EXPECT_TRUE(fits({"linux", "arm64", ""}, {"linux", "arm64", "v8"}));
  EXPECT_FALSE(fits({"linux", "arm", "v6"}, {"linux", "arm", "v7"}));
  EXPECT_FALSE(fits({"linux", "amd64", ""}, {"linux", "arm64", ""}));
  EXPECT_FALSE(fits({"windows", "amd64", ""}, {"linux", "amd64", ""}));
}

TEST(Image, IndexSaysWhichManifestIsForWhich) {
  const Index index = parse_index(R"({"schemaVersion":2,"manifests":[
    {"mediaType":"x","digest":")" +
                                  b + R"(","size":1,"platform":{"os":"linux","architecture":"s390x"}},
    {"mediaType":"m","digest":")" +
                                  a + R"(","size":2,"platform":{"os":"linux","architecture":"amd64"},
     "annotations":{"k":"v"}}]})");
  ASSERT_EQ(index.manifests.size(), 2u);
  const Descriptor* found = find_platform(index, {"linux", "amd64", ""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest.value, a);
  EXPECT_EQ(found->annotations.at("k"), "v");
  EXPECT_FALSE(find_platform(index, {"linux", "arm64", ""}));
  EXPECT_EQ(parse_index(to_text(index)).manifests[1].digest.value, a);
}

TEST(Image, ManifestKeepsItsLayersInOrder) {
  const Manifest manifest =
      parse_manifest(R"({"schemaVersion":2,"config":{"mediaType":"c","digest":")" + a +
                     R"(","size":7},"layers":[{"mediaType":"l","digest":")" + b +
                     R"(","size":8},{"mediaType":"l","digest":")" + a + R"(","size":9}]})");
  EXPECT_EQ(manifest.config.size, 7);
  ASSERT_EQ(manifest.layers.size(), 2u);
  EXPECT_EQ(manifest.layers[0].digest.value, b);
  EXPECT_EQ(to_text(parse_manifest(to_text(manifest))), to_text(manifest));
}

TEST(Image, ConfigComesThroughReadingAndWriting) {
  const std::string text =
      R"({"created":"2024-02-29T12:00:00.000000000Z","architecture":"arm64","os":"linux","variant":"v8",)"
      R"("config":{"User":"1:2","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/x"],"Cmd":["y"],)"
      R"("Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT",)"
      R"("Healthcheck":{"Test":["NONE"]}},"rootfs":{"type":"layers","diff_ids":[")" +
      a + R"("]},"history":[{"created_by":"RUN x","empty_layer":true}]})";
  const ImageConfig config = parse_image_config(text);
  EXPECT_EQ(config.platform, (Platform{"linux", "arm64", "v8"}));
  EXPECT_EQ(config.defaults.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_EQ(config.layers.at(0).value, a);
  EXPECT_TRUE(config.history.at(0).has_no_layer);
  EXPECT_EQ(to_text(config), text);
}

TEST(Image, ConfigOfGoHasNullsForNothing) {
  const ImageConfig config = parse_image_config(
      R"({"os":"linux","architecture":"amd64","config":{"Env":null,"Cmd":null,"Volumes":null,"Labels":null},)"
      R"("rootfs":{"type":"layers","diff_ids":[]},"history":null})");
  EXPECT_TRUE(config.defaults.command.empty());
}

TEST(Image, OfAnotherShapeIsRefusedWithTheField) {
  EXPECT_EQ(complaint(parse_index, "[]"), "read the image's index: it is JSON, but no object");
  EXPECT_EQ(complaint(parse_index, "{}"), "schemaVersion is missing");
  EXPECT_EQ(complaint(parse_index, R"({"schemaVersion":2})"), "manifests: manifests is missing or no array");
  EXPECT_EQ(complaint(parse_manifest, R"({"schemaVersion":3})"), "schemaVersion is not 2");
  EXPECT_TRUE(complaint(parse_manifest, R"({"schemaVersion":1})").starts_with("it is of docker's schema 1"));
  EXPECT_EQ(complaint(parse_manifest, R"({"schemaVersion":2,"config":{"digest":"sha256:12","size":1}})"),
            "config: digest is not sha256: and 64 hexadecimal digits");
  EXPECT_EQ(complaint(parse_manifest, R"({"schemaVersion":2,"config":{"digest":")" + a + R"(","size":-1}})"),
            "config: size is missing or no number of bytes");
  EXPECT_EQ(complaint(parse_image_config, R"({"config":{"Env":[1]}})"),
            "config: Env holds something else than strings");
  EXPECT_EQ(complaint(parse_image_config, R"({"rootfs":{"diff_ids":["x"]}})"),
            "rootfs.diff_ids holds something else than digests");
}

}  // namespace
