#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/eventfd.h>
#include <unistd.h>

#include "archive/compression.h"
#include "registry/client.h"
#include "registry_fixture.h"

using namespace tare;
using registry::Client, registry::Credentials, registry::Fetch;

namespace {

constexpr Bytes blob_size = 300'000;

// tests/registry/fake_registry.py, DATA.
std::string make_blob() {
  std::string data;
  for (int i = 0; i < 9375; i++) {
    const std::string hex(archive::digest_of(std::to_string(i)).hex());
    for (std::size_t at = 0; at < hex.size(); at += 2)
      data += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
  }
  return data;
}
const std::string& blob() {
  static const std::string data = make_blob();
  return data;
}
const oci::Digest& blob_digest() {
  static const oci::Digest digest = archive::digest_of(blob());
  return digest;
}

/// One server for all the tests of a suite: python takes a while to start.
class RegistryClient : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new RunningProgram({"python3", TARE_SOURCE_DIR "/tests/registry/fake_registry.py"});
    const std::string said = server->read_until("\n");
    ASSERT_TRUE(said.ends_with('\n')) << said;
    domain = "127.0.0.1:" + said.substr(0, said.size() - 1);
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  TemporaryDirectory directory;
  Credentials credentials;
  registry::Watch watch;
  registry::Patience patience = short_patience();

  registry::Settings settings() const {
    return {.hosts = registry::Hosts({.files = {HostPath(directory / "registries.json")},
                                      .certificate_directories = {HostPath(directory / "certs.d")}}),
            .ask = [this](const std::string&, const std::string&) { return credentials; },
            .patience = patience,
            .watch = watch};
  }
  oci::Reference image(const std::string& mode) const {
    return oci::parse_tagged_reference(domain + "/" + mode + "/" + unique());
  }
  // What the server counts it counts for each repository.
  static std::string unique() {
    return "x" + std::to_string(testing::UnitTest::GetInstance()->current_test_info()->line());
  }

  std::string pull(const std::string& mode) const {
    return line_of([&] { Client(image(mode), settings()).get_manifest(); });
  }
  // "": the blob came and was right.
  std::string fetch(const std::string& mode, Bytes size = blob_size) const {
    std::string text;
    bool is_done = false;
    const Fetch one{.digest = blob_digest(),
                    .size = size,
                    .take =
                        [&](std::string_view bytes) {
                          text += bytes;
                          return bytes.size();
                        },
                    .done = [&] { is_done = true; }};
    const std::string line = line_of([&] { Client(image(mode), settings()).fetch({&one, 1}); });
    EXPECT_EQ(is_done, line == "none");
    EXPECT_TRUE(line != "none" || text == blob());
    return line == "none" ? "" : line;
  }
  // What the server was asked since the last call.
  std::vector<std::string> log() const {
    registry::Http http;
    const auto response = http.perform({.url = *registry::try_parse_url("http://" + domain + "/log")});
    static std::size_t seen = 0;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < response.body.size();) {
      const auto end = response.body.find('\n', at);
      lines.push_back(response.body.substr(at, end - at));
      at = end + 1;
    }
    lines.pop_back();
    std::vector<std::string> fresh(lines.begin() + static_cast<std::ptrdiff_t>(seen), lines.end());
    seen = lines.size() + 1;
    return fresh;
  }

  static RunningProgram* server;
  static std::string domain;
};
constinit RunningProgram* RegistryClient::server = nullptr;
std::string RegistryClient::domain;

TEST_F(RegistryClient, GetsAManifest) {
  const auto document = Client(image("plain"), settings()).get_manifest();
  EXPECT_EQ(document.media_type, oci::media_type::manifest);
  EXPECT_EQ(document.digest, archive::digest_of(document.text));
  EXPECT_TRUE(oci::parse_manifest(document.text).layers.empty());
  const auto head = Client(image("plain"), settings()).head_manifest();
  ASSERT_TRUE(head);
  EXPECT_EQ(head->digest, document.digest);
  EXPECT_EQ(head->size, static_cast<Bytes>(document.text.size()));
  EXPECT_EQ(Client(image("plain"), settings()).get_manifest(document.digest.value).text, document.text);
}

TEST_F(RegistryClient, GetsAManifestThatIsServedAsAFile) {
  const auto document = Client(image("bare"), settings()).get_manifest();
  EXPECT_EQ(document.media_type, oci::media_type::manifest);
  EXPECT_EQ(Client(image("bare"), settings()).head_manifest()->digest, document.digest);
}

TEST_F(RegistryClient, RefusesAManifestWithAnotherDigest) {
  EXPECT_TRUE(pull("wrongdigest").contains("in place of sha256:000")) << pull("wrongdigest");
  EXPECT_TRUE(pull("othertext").contains("one with the digest"));
  const auto digest = Client(image("plain"), settings()).get_manifest().digest;
  EXPECT_TRUE(line_of([&] {
                Client(image("othertext"), settings()).get_manifest(digest.value);
              }).contains("in place of " + digest.value));
}

TEST_F(RegistryClient, RefusesAManifestThatIsTooLarge) {
  EXPECT_TRUE(pull("hugemanifest").ends_with("is too long")) << pull("hugemanifest");
}

TEST_F(RegistryClient, SaysWhatIsMissing) {
  const std::string name = domain + "/plain/x";
  Client client(oci::parse_reference(name), settings());
  EXPECT_EQ(line_of([&] { client.get_manifest("missing"); }),
            "manifest of " + name + ":missing not found at " + domain + ": manifest unknown");
  EXPECT_FALSE(client.head_manifest("missing"));
  try {
    client.get_manifest("missing");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST_F(RegistryClient, SaysThatNobodyListens) {
  const std::string line =
      line_of([&] { Client(oci::parse_tagged_reference("127.0.0.1:1/x"), settings()).get_manifest(); });
  EXPECT_EQ(line,
            "cannot pull manifest of 127.0.0.1:1/x:latest: cannot reach 127.0.0.1:1: Connection refused");
}

TEST_F(RegistryClient, LogsInWithAName) {
  EXPECT_EQ(pull("basic"),
            "pull access denied for " + image("basic").repository() +
                ": the repository does not exist or needs a login: authentication required (tare login " +
                domain + ")");
  credentials = {.user = "user", .password = "password"};
  EXPECT_EQ(pull("basic"), "none");
  EXPECT_EQ(fetch("basic"), "");
  credentials.password = "wrong";
  EXPECT_TRUE(pull("basic").starts_with("pull access denied")) << pull("basic");
}

TEST_F(RegistryClient, GetsATokenForNobody) {
  EXPECT_EQ(pull("token"), "none");
  const auto lines = log();
  ASSERT_GE(lines.size(), 3u);
  EXPECT_TRUE(lines[lines.size() - 2].contains("service=fake&scope=repository%3Atoken%2Fx")) << lines[1];
  EXPECT_FALSE(lines[lines.size() - 2].contains("Authorization"));
  EXPECT_TRUE(lines.back().contains("Authorization: Bearer t"));
}

TEST_F(RegistryClient, GetsATokenOnceForAllBlobs) {
  log();
  Client client(image("token"), settings());
  client.get_manifest();
  const Fetch one{
      .digest = blob_digest(), .size = blob_size, .take = [](auto bytes) { return bytes.size(); }};
  const std::vector<Fetch> many(5, one);
  client.fetch(many);
  EXPECT_EQ(std::ranges::count_if(log(), [](const auto& line) { return line.contains("GET /token?"); }), 1);
}

TEST_F(RegistryClient, GetsATokenForAName) {
  EXPECT_TRUE(pull("tokenuser").starts_with("pull access denied")) << pull("tokenuser");
  credentials = {.user = "user", .password = "password"};
  EXPECT_EQ(pull("tokenuser"), "none");
  credentials.password = "wrong";
  EXPECT_TRUE(pull("tokenuser")
                  .contains("does not accept the credentials for " + domain +
                            ": incorrect username or password (log in again"))
      << pull("tokenuser");
}

TEST_F(RegistryClient, GetsATokenForAnIdentityToken) {
  credentials = {.identity_token = "refresh"};
  EXPECT_EQ(pull("token"), "none");
  credentials = {.identity_token = "old"};
  EXPECT_TRUE(pull("token").contains("no such token")) << pull("token");
  credentials = {.registry_token = "t0"};
  EXPECT_EQ(pull("token"), "none");
}

TEST_F(RegistryClient, GetsAnotherTokenWhenOneHasExpired) {
  Client client(image("tokenexpires"), settings());
  for (int i = 0; i < 5; i++) EXPECT_EQ(line_of([&] { client.get_manifest(); }), "none");
  EXPECT_TRUE(pull("tokendenied").starts_with("pull access denied")) << pull("tokendenied");
}

TEST_F(RegistryClient, RefusesTokensThatCannotBeSent) {
  for (const char* mode : {"tokenhuge", "tokenevil"})
    EXPECT_TRUE(pull(mode).contains("there is none that can be sent")) << pull(mode);
  EXPECT_TRUE(pull("tokenlarge").ends_with("is too long")) << pull("tokenlarge");
  EXPECT_TRUE(pull("tokengarbage").ends_with("is no JSON")) << pull("tokengarbage");
}

TEST_F(RegistryClient, TriesAgainWhatMayGoBetter) {
  EXPECT_EQ(pull("twice500"), "none");
  EXPECT_EQ(fetch("twice500"), "");
  EXPECT_TRUE(pull("always500").contains("answers 500: it is ?[31mbroken very")) << pull("always500");
  EXPECT_LT(pull("always500").size(), 400u);
}

TEST_F(RegistryClient, WaitsAsLongAsItIsTold) {
  const auto begin = registry::Clock::now();
  EXPECT_EQ(pull("busy"), "none");
  EXPECT_GE(registry::Clock::now() - begin, std::chrono::milliseconds(950));
  EXPECT_EQ(pull("busydate"), "none");
  patience.longest_pause = std::chrono::milliseconds(20);
  const auto later = registry::Clock::now();
  EXPECT_EQ(fetch("busylong"), "");
  EXPECT_LT(registry::Clock::now() - later, std::chrono::seconds(20));
}

TEST_F(RegistryClient, DoesNotWaitForWhoStalls) {
  patience.tries = 1;
  EXPECT_TRUE(pull("stall").contains("does not answer any more")) << pull("stall");
}

TEST_F(RegistryClient, SaysWhatARegistrySaysWhateverItIs) {
  EXPECT_EQ(pull("garbage"), "pull access denied for " + image("garbage").repository() +
                                 ": the repository does not exist or needs a login (tare login " + domain +
                                 ")");
}

TEST_F(RegistryClient, FollowsRedirectsWithoutCredentials) {
  credentials = {.user = "user", .password = "password"};
  log();
  EXPECT_EQ(fetch("basic--elsewhere"), "");
  const auto lines = log();
  ASSERT_GE(lines.size(), 3u);
  EXPECT_TRUE(lines[lines.size() - 2].contains("/v2/basic--elsewhere/")) << lines[1];
  EXPECT_TRUE(lines[lines.size() - 2].contains("Authorization"));
  EXPECT_TRUE(lines.back().contains("/v2/there/"));
  EXPECT_FALSE(lines.back().contains("Authorization"));
}

TEST_F(RegistryClient, FollowsRedirectsOnlySoFar) {
  EXPECT_TRUE(fetch("endless").ends_with("redirects again and again")) << fetch("endless");
  EXPECT_TRUE(fetch("nowhere").ends_with("redirects to file:///etc/passwd, which is no URL"));
}

TEST_F(RegistryClient, FetchesABlob) {
  EXPECT_EQ(fetch("plain"), "");
  EXPECT_EQ(fetch("unknownlength"), "");
  EXPECT_EQ(Client(image("plain"), settings()).get_blob(blob_digest(), blob_size), blob());
  EXPECT_THROW(Client(image("plain"), settings()).get_blob(blob_digest(), blob_size, 1000), Error);
}

TEST_F(RegistryClient, TakesUpABlobWhereItBrokeOff) {
  log();
  EXPECT_EQ(fetch("cut"), "");
  std::vector<std::string> ranges;
  for (const auto& line : log())
    if (const auto at = line.find("Range: "); at != line.npos) ranges.push_back(line.substr(at));
  EXPECT_EQ(ranges, (std::vector<std::string>{"Range: bytes=100000-", "Range: bytes=200000-"}));
  EXPECT_EQ(fetch("cut--unknownlength"), "");
  EXPECT_EQ(fetch("stallbody"), "");
}

TEST_F(RegistryClient, TakesUpABlobFromServersThatKnowNoRanges) { EXPECT_EQ(fetch("cut--norange"), ""); }

TEST_F(RegistryClient, GivesUpABlobThatNeverComes) {
  EXPECT_TRUE(fetch("alwayscut").contains("broke: ")) << fetch("alwayscut");
  patience.tries = 1;
  EXPECT_TRUE(fetch("cut").contains("broke: "));
}

TEST_F(RegistryClient, RefusesABlobThatIsAnother) {
  EXPECT_TRUE(fetch("wrongdata").contains("has another digest")) << fetch("wrongdata");
  EXPECT_TRUE(fetch("more").contains("sends 300004 bytes in place of 300000")) << fetch("more");
  EXPECT_TRUE(fetch("more--unknownlength").contains("sends more than its 300000 bytes"));
  EXPECT_TRUE(fetch("plain", 1000).contains("sends 300000 bytes in place of 1000"));
  EXPECT_TRUE(fetch("plain", 300'001).contains("sends 300000 bytes in place of 300001"));
  EXPECT_TRUE(fetch("unknownlength", 300'001).contains("too short")) << fetch("unknownlength", 300'001);
  EXPECT_TRUE(fetch("empty").contains("sends 0 bytes") || fetch("empty").contains("too short"))
      << fetch("empty");
  EXPECT_TRUE(fetch("cut--lies").contains("another part than it was asked for")) << fetch("cut--lies");
}

TEST_F(RegistryClient, FetchesWhatIsMissingOfABlob) {
  directory.put("part", blob().substr(0, 250'000));
  const sys::UniqueFd part = sys::open_at(directory.fd(), "part", O_RDONLY);
  std::string rest;
  Bytes position = 0;
  Fetch one{.digest = blob_digest(),
            .size = blob_size,
            .offset = 250'000,
            .beginning = part,
            .take =
                [&](std::string_view bytes) {
                  rest += bytes;
                  return bytes.size();
                },
            .report = [&](Bytes now) { position = now; }};
  log();
  Client client(image("plain"), settings());
  client.fetch({&one, 1});
  EXPECT_TRUE(rest == blob().substr(250'000));
  EXPECT_EQ(position, blob_size);
  EXPECT_TRUE(log().back().ends_with("Range: bytes=250000-"));
  // What is there counts as what comes.
  directory.put("part", std::string(250'000, 'x'));
  const sys::UniqueFd other = sys::open_at(directory.fd(), "part", O_RDONLY);
  one.beginning = other;
  EXPECT_TRUE(line_of([&] { client.fetch({&one, 1}); }).contains("has another digest"));
  // Nothing is asked for where nothing is missing.
  directory.put("whole", blob());
  const sys::UniqueFd whole = sys::open_at(directory.fd(), "whole", O_RDONLY);
  one.beginning = whole;
  one.offset = blob_size;
  log();
  client.fetch({&one, 1});
  EXPECT_TRUE(log().empty());
}

TEST_F(RegistryClient, WaitsForWhoTakesTheBytes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const sys::UniqueFd reading(ends[0]);
  sys::UniqueFd writing(ends[1]);
  ::fcntl(writing.number(), F_SETPIPE_SZ, 4096);
  int refusals = 0, waits = 0;
  std::string text;
  const auto read_some = [&] {
    char buffer[3000];
    const ssize_t count = ::read(reading.number(), buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  };
  // The reader is woken as the caller's own descriptors are.
  watch = {
      .wish = [&](std::vector<pollfd>& all) { all.push_back({.fd = reading.number(), .events = POLLIN}); },
      .see =
          [&](std::span<const pollfd> all) {
            waits++;
            if (all[0].revents & POLLIN) read_some();
          }};
  const Fetch one{.digest = blob_digest(),
                  .size = blob_size,
                  .take = [&](std::string_view bytes) -> std::size_t {
                    const ssize_t count = ::write(writing.number(), bytes.data(), bytes.size());
                    if (count < static_cast<ssize_t>(bytes.size())) refusals++;
                    return count > 0 ? static_cast<std::size_t>(count) : 0;
                  },
                  .room = writing};
  Client(image("plain"), settings()).fetch({&one, 1});
  while (read_some()) {
  }
  EXPECT_TRUE(text == blob());
  EXPECT_GT(refusals, 10);
  EXPECT_GT(waits, 10);
  EXPECT_LT(waits, 5000);
}

TEST_F(RegistryClient, EndsWithWhatIsThrownMeanwhile) {
  const Fetch one{.digest = blob_digest(), .size = blob_size, .take = [](auto) -> std::size_t {
                    throw Error(ErrorKind::conflict, "the disk is full");
                  }};
  EXPECT_EQ(line_of([&] { Client(image("plain"), settings()).fetch({&one, 1}); }), "the disk is full");
  const sys::UniqueFd event(::eventfd(1, EFD_CLOEXEC));
  watch = {.wish = [&](std::vector<pollfd>& all) { all.push_back({.fd = event.number(), .events = POLLIN}); },
           .see =
               [](std::span<const pollfd> all) {
                 if (all[0].revents) throw system_error(EINTR, "stopped");
               }};
  EXPECT_TRUE(pull("stall").starts_with("stopped"));
}

TEST_F(RegistryClient, AsksMirrorsFirst) {
  directory.put(
      "registries.json",
      format(R"({{"upstream.invalid": {{"mirrors": ["http://127.0.0.1:1", "http://{}"]}}}})", domain));
  Client client(oci::parse_tagged_reference("upstream.invalid/plain/x"), settings());
  EXPECT_EQ(client.get_manifest().media_type, oci::media_type::manifest);
  EXPECT_EQ(client.get_blob(blob_digest(), blob_size).size(), blob().size());
  directory.put("registries.json",
                format(R"({{"{}": {{"mirrors": ["http://{}/v2/endless"]}}}})", domain, domain));
  EXPECT_EQ(
      line_of([&] { Client(oci::parse_tagged_reference(domain + "/plain/x"), settings()).get_manifest(); }),
      "none");
}

TEST_F(RegistryClient, ForgetsAMirrorThatIsWrong) {
  for (const char* mode : {"othertext", "basic", "tokenevil", "nowhere", "wrongdigest"}) {
    directory.put("registries.json",
                  format(R"({{"{0}": {{"mirrors": ["http://{0}/v2/{1}"]}}}})", domain, mode));
    EXPECT_EQ(pull("plain"), "none") << mode;
  }
}

TEST_F(RegistryClient, SaysWhatSpeaksNoTls) {
  // A mirror's URL says what it speaks.
  directory.put("registries.json",
                format(R"({{"upstream.invalid": {{"mirrors": ["https://{}"]}}}})", domain));
  registry::Http http(patience);
  const auto response = http.perform({.url = *registry::try_parse_url("https://" + domain + "/")});
  EXPECT_EQ(response.failure, registry::Failure::cut_off) << response.words;
}

TEST_F(RegistryClient, ListsTagsAndReferrers) {
  EXPECT_EQ(Client(image("plain"), settings()).tags(), (std::vector<std::string>{"a", "b", "c"}));
  for (const char* mode : {"plain", "noreferrers"}) {
    EXPECT_EQ(Client(image(mode), settings()).referrers(blob_digest()).size(), 2u) << mode;
    EXPECT_EQ(Client(image(mode), settings()).referrers(blob_digest(), "application/kind1").size(), 1u)
        << mode;
  }
  EXPECT_TRUE(Client(image("noreferrers--nofallback"), settings()).referrers(blob_digest()).empty());
}

TEST_F(RegistryClient, ChecksALogin) {
  credentials = {.user = "user", .password = "password"};
  EXPECT_EQ(line_of([&] { registry::check_login(domain, settings()); }), "none");
}

/// The same server, with TLS.
class SecureRegistry : public testing::Test {
 protected:
  void SetUp() override {
    make_certificates(directory);
    const std::string program = TARE_SOURCE_DIR "/tests/registry/fake_registry.py";
    server.emplace(std::vector<std::string>{"python3", program, "--tls", directory / "server.crt",
                                            directory / "server.key"});
    const std::string said = server->read_until("\n");
    ASSERT_TRUE(said.ends_with('\n')) << said;
    domain = "127.0.0.1:" + said.substr(0, said.size() - 1);
    directory.put("certs.d/" + domain + "/ca.crt", sys::read_file(directory.fd(), "ca.crt"));
  }
  std::string pull(const std::string& mode) const {
    return line_of([&] {
      Client(oci::parse_tagged_reference(domain + "/" + mode + "/x"),
             {.hosts = registry::Hosts(
                  {.files = {}, .certificate_directories = {HostPath(directory / "certs.d")}}),
              .ask = [](const auto&,
                        const auto&) { return Credentials{.user = "user", .password = "password"}; },
              .patience = short_patience()})
          .get_manifest();
    });
  }

  TemporaryDirectory directory;
  std::optional<RunningProgram> server;
  std::string domain;
};

TEST_F(SecureRegistry, LeadsNobodyAstray) {
  EXPECT_EQ(pull("plain"), "none");
  EXPECT_EQ(pull("basic"), "none");
  EXPECT_EQ(pull("tokenuser"), "none");
  EXPECT_TRUE(pull("elsewhere").ends_with("without TLS")) << pull("elsewhere");
  EXPECT_TRUE(pull("tokenplain").contains("wants credentials to be sent unprotected to"))
      << pull("tokenplain");
  // A stranger is not spoken to in plain HTTP either.
  directory.put("certs.d/" + domain + "/ca.crt", "");
  EXPECT_TRUE(pull("plain").contains("cannot be trusted")) << pull("plain");
}

}  // namespace
