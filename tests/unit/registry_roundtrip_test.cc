// What is pushed to a real registry (Debian's docker-registry, on loopback) comes back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

#include "archive/compression.h"
#include "registry/client.h"
#include "registry_fixture.h"

using namespace tare;
using registry::Client, registry::Fetch, registry::Pushed;

namespace {

enum class Protocol { plain, tls };

class RealRegistry : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v docker-registry >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "docker-registry is not installed";
  }

  void start(Protocol protocol) {
    std::string tls;
    if (protocol == Protocol::tls) {
      make_certificates(directory);
      tls = format(", tls: {{certificate: {0}/server.crt, key: {0}/server.key}}", directory.path());
    }
    directory.put("config.yml", format("version: 0.1\nlog: {{level: info}}\n"
                                       "storage: {{filesystem: {{rootdirectory: {}/data}}}}\n"
                                       "http: {{addr: '127.0.0.1:0', secret: x{}}}\n",
                                       directory.path(), tls));
    server.emplace(std::vector<std::string>{"docker-registry", "serve", directory / "config.yml"});
    const std::string words = "listening on 127.0.0.1:",
                      said = server->read_until(words) + server->read_until("\n");
    const auto at = said.find(words);
    ASSERT_NE(at, said.npos) << said;
    const auto end = said.find_first_not_of("0123456789", at + words.size());
    domain = "127.0.0.1:" + said.substr(at + words.size(), end - at - words.size());
  }

  registry::Settings settings() const {
    return {.hosts = registry::Hosts({.files = {HostPath(directory / "registries.json")},
                                      .certificate_directories = {HostPath(directory / "certs.d")}}),
            .patience = short_patience()};
  }
  oci::Reference image(const std::string& name) const {
    return oci::parse_tagged_reference(domain + "/" + name);
  }

  oci::Digest push(Client& client, const std::string& text, Pushed expected = Pushed::sent,
                   std::string_view from = {}) const {
    directory.put("blob", text);
    const sys::UniqueFd file = sys::open_at(directory.fd(), "blob", O_RDONLY);
    const auto digest = archive::digest_of(text);
    Bytes sent = 0;
    EXPECT_EQ(
        client.push_blob(digest, static_cast<Bytes>(text.size()), file, from, [&](Bytes now) { sent = now; }),
        expected);
    EXPECT_EQ(sent, expected == Pushed::sent ? static_cast<Bytes>(text.size()) : 0);
    return digest;
  }

  // A whole image of a configuration and two layers, there and back.
  void go_there_and_back(const std::string& name) const {
    Client client(image(name), settings());
    const std::string config =
        R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
    const std::vector<std::string> layers = {std::string(5'000'000, 'a'), "", "small"};
    EXPECT_FALSE(client.has_blob(archive::digest_of(config)));
    oci::Manifest manifest;
    manifest.config = {.media_type = std::string(oci::media_type::config),
                       .digest = push(client, config),
                       .size = static_cast<Bytes>(config.size())};
    for (const std::string& layer : layers)
      manifest.layers.push_back({.media_type = std::string(oci::media_type::layer),
                                 .digest = push(client, layer),
                                 .size = static_cast<Bytes>(layer.size())});
    EXPECT_TRUE(client.has_blob(manifest.config.digest));
    const std::string text = oci::to_text(manifest);
    EXPECT_EQ(client.put_manifest(oci::media_type::manifest, text), archive::digest_of(text));

    Client other(image(name), settings());
    const auto document = other.get_manifest();
    EXPECT_EQ(document.text, text);
    EXPECT_EQ(document.media_type, oci::media_type::manifest);
    EXPECT_EQ(other.head_manifest()->digest, document.digest);
    EXPECT_EQ(other.head_manifest(document.digest.value)->digest, document.digest);
    EXPECT_FALSE(other.head_manifest("missing"));
    const auto read = oci::parse_manifest(document.text);
    EXPECT_EQ(other.get_blob(read.config.digest, read.config.size), config);
    std::vector<std::string> got(layers.size());
    std::vector<Fetch> blobs;
    blobs.reserve(layers.size());
    std::size_t done = 0;
    for (std::size_t i = 0; i < layers.size(); i++)
      blobs.push_back({.digest = read.layers[i].digest,
                       .size = read.layers[i].size,
                       .take =
                           [&got, i](std::string_view bytes) {
                             got[i] += bytes;
                             return bytes.size();
                           },
                       .done = [&done] { done++; }});
    other.fetch(blobs);
    EXPECT_EQ(done, layers.size());
    EXPECT_TRUE(got == layers);
    EXPECT_EQ(other.tags(), std::vector<std::string>{"latest"});
  }

  TemporaryDirectory directory;
  std::optional<RunningProgram> server;
  std::string domain;
};

TEST_F(RealRegistry, GivesBackWhatItGot) {
  start(Protocol::plain);
  if (HasFatalFailure()) return;
  go_there_and_back("tools/one");
  // What one repository has, another need not be sent.
  Client second(image("tools/two"), settings());
  push(second, "small", Pushed::mounted, "tools/one");
  push(second, "new", Pushed::sent, "tools/one");
  EXPECT_TRUE(second.has_blob(archive::digest_of("small")));
  // It knows nothing of referrers: they are under a tag.
  EXPECT_TRUE(second.referrers(archive::digest_of("small")).empty());
  oci::Index index;
  const auto manifest = Client(image("tools/one"), settings()).get_manifest();
  index.manifests.push_back({.media_type = manifest.media_type,
                             .digest = manifest.digest,
                             .size = static_cast<Bytes>(manifest.text.size())});
  Client first(image("tools/one"), settings());
  first.put_manifest(oci::media_type::index, oci::to_text(index),
                     "sha256-" + std::string(manifest.digest.hex()));
  const auto referrers = first.referrers(manifest.digest);
  ASSERT_EQ(referrers.size(), 1u);
  EXPECT_EQ(referrers[0].digest, manifest.digest);
}

TEST_F(RealRegistry, SaysWhatItDoesNotTake) {
  start(Protocol::plain);
  if (HasFatalFailure()) return;
  Client client(image("a"), settings());
  directory.put("blob", "other");
  const sys::UniqueFd file = sys::open_at(directory.fd(), "blob", O_RDONLY);
  const auto digest = archive::digest_of("text");
  const std::string line = line_of([&] { client.push_blob(digest, 5, file); });
  EXPECT_TRUE(line.starts_with("cannot push blob " + digest.value + " to " + domain + "/a: " + domain +
                               " answers 400: provided digest did not match"))
      << line;
  EXPECT_TRUE(line_of([&] { client.push_blob(digest, 6, file); }).contains("got shorter"));
  const std::string missing = line_of([&] {
    client.put_manifest(oci::media_type::manifest, R"({
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
    "config": {"mediaType": "x", "size": 1, "digest": ")" +
                                                       digest.value + R"("}})");
  });
  EXPECT_TRUE(missing.contains("answers 400: blob unknown to registry")) << missing;
  EXPECT_EQ(line_of([&] { client.tags(); }), domain + "/a not found at " + domain);
}

TEST_F(RealRegistry, IsBelievedByItsAuthority) {
  start(Protocol::tls);
  if (HasFatalFailure()) return;
  const std::string stranger = line_of([&] { Client(image("a"), settings()).get_manifest(); });
  EXPECT_TRUE(stranger.contains(domain + " cannot be trusted: SSL certificate problem")) << stranger;
  EXPECT_TRUE(stranger.contains("/etc/docker/certs.d/" + domain + "/ca.crt")) << stranger;
  directory.put("registries.json", format(R"({{"{}": {{"insecure": true}}}})", domain));
  go_there_and_back("insecure");
  directory.put("registries.json", format(R"({{"{}": {{"ca": "{}/ca.crt"}}}})", domain, directory.path()));
  go_there_and_back("configured");
  directory.put("registries.json", "{}");
  directory.put(format("certs.d/{}/ca.crt", domain), sys::read_file(directory.fd(), "ca.crt"));
  go_there_and_back("certs");
}

}  // namespace
