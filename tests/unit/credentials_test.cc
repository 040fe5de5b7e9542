#include "registry/credentials.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "registry/base64.h"
#include "registry/keychain.h"
#include "registry/printable.h"
#include "temporary_directory.h"

using namespace tare;
using registry::CredentialFiles, registry::Credentials, registry::find_credentials;

namespace {

/// Sets a variable of the environment as long as it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class Login : public testing::Test {
 protected:
  TemporaryDirectory directory;
  CredentialFiles files{.read = {HostPath(directory / "auth.json"), HostPath(directory / "config.json")},
                        .written = HostPath(directory / "config.json")};
  Variable path{"PATH", directory.path() + ":" + ::getenv("PATH")};

  std::string found(std::string_view domain, std::string_view repository = {}) const {
    const Credentials credentials = find_credentials(files, domain, repository);
    return credentials.is_empty()                ? "nobody"
           : !credentials.identity_token.empty() ? "<" + credentials.identity_token + ">"
           : !credentials.registry_token.empty() ? "[" + credentials.registry_token + "]"
                                                 : credentials.user + ":" + credentials.password;
  }
  std::string refusal() const {
    try {
      (void)found("example.com");
    } catch (const Error& error) {
      return error.text();
    }
    return "none";
  }
  std::string text(const char* name) const { return sys::read_file(directory.fd(), name); }
  // A program that keeps everything in files of this directory, one for each server.
  void put_keychain(const std::string& name) const {
    directory.put(
        "docker-credential-" + name,
        format("#!/bin/sh\ncd {} && mkdir -p kept || exit 1\n"
               "case $1 in\n"
               "store) read -r all; server=${{all#*ServerURL\\\":\\\"}}; server=${{server%%\\\"*}}\n"
               "  printf '%s' \"$all\" >kept/$(printf %s \"$server\" | tr / _) ;;\n"
               "get) cat kept/$(tr / _) 2>/dev/null && exit 0\n"
               "  echo 'credentials not found in native keychain'; exit 1 ;;\n"
               "erase) rm kept/$(tr / _) ;;\n"
               "esac\n",
               directory.path()),
        0755);
  }
};

TEST_F(Login, IsFoundUnderTheRegistrysName) {
  directory.put("config.json", R"({"auths": {"example.com:5000": {"auth": "YTpiOmM="},
    "https://index.docker.io/v1/": {"username": "hub", "password": "secret"},
    "https://old.example/v1/": {"identitytoken": "refresh"}, "direct.example": {"registrytoken": "t"}}})");
  EXPECT_EQ(found("example.com:5000"), "a:b:c");
  EXPECT_EQ(found("example.com"), "nobody");
  EXPECT_EQ(found("docker.io", "library/busybox"), "hub:secret");
  EXPECT_EQ(found("old.example", "any/path"), "<refresh>");
  EXPECT_EQ(found("direct.example"), "[t]");
}

TEST_F(Login, OfTheLongestPathWins) {
  directory.put("auth.json", R"({"auths": {"quay.io": {"auth": "cmVnaXN0cnk6eA=="},
    "quay.io/team": {"auth": "dGVhbTp4"}, "quay.io/team/tool": {"auth": "dG9vbDp4"},
    "docker.io/library": {"auth": "bGlicmFyeTp4"}, "only.example/team": {"auth": "dGVhbTp4"}}})");
  EXPECT_EQ(found("quay.io", "other"), "registry:x");
  EXPECT_EQ(found("quay.io", "team"), "team:x");
  EXPECT_EQ(found("quay.io", "team/a"), "team:x");
  EXPECT_EQ(found("quay.io", "teams/a"), "registry:x");
  EXPECT_EQ(found("quay.io", "team/tool/a"), "tool:x");
  EXPECT_EQ(found("docker.io", "library/busybox"), "library:x");
  EXPECT_EQ(found("docker.io", "grafana/grafana"), "nobody");
  EXPECT_EQ(found("only.example", "other"), "nobody");
}

TEST_F(Login, OfAnEarlierFileWins) {
  EXPECT_EQ(found("a"), "nobody");
  directory.put("config.json",
                R"({"auths": {"a": {"auth": "ZG9ja2VyOng="}, "b": {"auth": "ZG9ja2VyOng="}}})");
  directory.put("auth.json", R"({"auths": {"a": {"auth": "cG9kbWFuOng="}, "b": {}}})");
  EXPECT_EQ(found("a"), "podman:x");
  EXPECT_EQ(found("b"), "docker:x");
  directory.put("auth.json", " \n");
  EXPECT_EQ(found("a"), "docker:x");
}

TEST_F(Login, OfABrokenFileIsAnErrorThatNamesItAndTheField) {
  const std::string name = directory / "auth.json";
  directory.put("auth.json", "{");
  EXPECT_TRUE(refusal().starts_with(name + ": ")) << refusal();
  directory.put("auth.json", "[]");
  EXPECT_EQ(refusal(), name + ": it is JSON, but no object");
  directory.put("auth.json", R"({"auths": 3})");
  EXPECT_EQ(refusal(), name + ": /auths: expected an object");
  directory.put("auth.json", R"({"auths": {"example.com": {"auth": 3}}})");
  EXPECT_EQ(refusal(), name + ": /auths/example.com/auth: expected a string");
  directory.put("auth.json", R"({"auths": {"example.com": {"auth": "!!!!"}}})");
  EXPECT_EQ(refusal(), name + ": /auths/example.com/auth: is no name and password in base64");
  directory.put("auth.json", R"({"credsStore": "../x"})");
  EXPECT_EQ(refusal(), name + ": \"../x\" is no name of a program that keeps credentials");
}

TEST_F(Login, IsStoredBesideAllElse) {
  directory.put(
      "config.json",
      R"({"psFormat": "x", "auths": {"https://b.example/v1/": {"auth": "eA==", "email": "e"}}, "n": [1.5, null]})");
  EXPECT_EQ(registry::store_credentials(files, "a.example", {.user = "me", .password = "p:w"}),
            directory / "config.json");
  EXPECT_EQ(registry::store_credentials(files, "b.example", {.user = "b", .identity_token = "t"}),
            directory / "config.json");
  EXPECT_EQ(
      json::compact(json::parse(text("config.json"))),
      R"({"psFormat":"x","auths":{"https://b.example/v1/":{"email":"e","auth":"Yjo=","identitytoken":"t"},)"
      R"("a.example":{"auth":"bWU6cDp3"}},"n":[1.5E0,null]})");
  EXPECT_EQ(sys::try_status(directory.fd(), "config.json")->st_mode & 07777, 0600u);
  EXPECT_EQ(found("a.example"), "me:p:w");
  EXPECT_EQ(found("b.example"), "<t>");
}

TEST_F(Login, IsStoredWhereTheRegistryIsKnown) {
  directory.put("auth.json", R"({"auths": {"a": {"auth": "eDp5"}}})");
  EXPECT_EQ(registry::store_credentials(files, "a", {.user = "u", .password = "p"}), directory / "auth.json");
  EXPECT_EQ(registry::store_credentials(files, "docker.io", {.user = "u", .password = "p"}),
            directory / "config.json");
  EXPECT_EQ(found("docker.io"), "u:p");
  EXPECT_TRUE(text("config.json").contains("https://index.docker.io/v1/"));
}

TEST_F(Login, IsStoredInADirectoryThatIsMadeAndThroughALink) {
  files = {.read = {HostPath(directory / "new/config.json")},
           .written = HostPath(directory / "new/config.json")};
  registry::store_credentials(files, "a", {.user = "u", .password = "p"});
  EXPECT_EQ(sys::try_status(directory.fd(), "new")->st_mode & 07777, 0700u);
  ASSERT_EQ(::rename((directory / "new/config.json").c_str(), (directory / "kept").c_str()), 0);
  ASSERT_EQ(::symlink("../kept", (directory / "new/config.json").c_str()), 0);
  registry::store_credentials(files, "b", {.user = "u", .password = "p"});
  EXPECT_TRUE(sys::try_read_link(directory.fd(), "new/config.json"));
  EXPECT_EQ(found("b"), "u:p");
}

TEST_F(Login, IsErasedFromAllFiles) {
  directory.put("auth.json", R"({"auths": {"a": {"auth": "eDp5"}, "b": {"auth": "eDp5"}}, "more": {}})");
  directory.put("config.json", R"({"auths": {"https://a/v1/": {"auth": "eDp5"}}})");
  EXPECT_EQ(registry::erase_credentials(files, "a"),
            (std::vector{directory / "auth.json", directory / "config.json"}));
  EXPECT_EQ(found("a"), "nobody");
  EXPECT_EQ(found("b"), "x:y");
  EXPECT_TRUE(registry::erase_credentials(files, "a").empty());
  EXPECT_TRUE(text("auth.json").contains("more"));
}

TEST_F(Login, MayBeKeptByAProgram) {
  put_keychain("test");
  directory.put("config.json", R"({"credsStore": "test", "x": 1})");
  EXPECT_EQ(found("a"), "nobody");
  EXPECT_EQ(registry::store_credentials(files, "a", {.user = "u", .password = "p"}),
            "docker-credential-test");
  EXPECT_EQ(registry::store_credentials(files, "docker.io", {.user = "u", .identity_token = "t"}),
            "docker-credential-test");
  EXPECT_FALSE(text("config.json").contains("auth\""));
  EXPECT_EQ(found("a"), "u:p");
  EXPECT_EQ(found("docker.io"), "<t>");
  EXPECT_EQ(registry::erase_credentials(files, "a"), std::vector<std::string>{"docker-credential-test"});
  EXPECT_EQ(found("a"), "nobody");
}

TEST_F(Login, OfOneRegistryMayBeKeptByAnotherProgram) {
  put_keychain("one");
  directory.put("config.json", R"({"credHelpers": {"a": "one"}, "auths": {"b": {"auth": "eDp5"}}})");
  registry::store_credentials(files, "a", {.user = "u", .password = "p"});
  EXPECT_EQ(found("a"), "u:p");
  EXPECT_EQ(found("b"), "x:y");
}

TEST_F(Login, OfAProgramThatFailsIsAnErrorThatNamesIt) {
  directory.put("config.json", R"({"credsStore": "bad"})");
  EXPECT_TRUE(refusal().starts_with("cannot run docker-credential-bad")) << refusal();
  directory.put("docker-credential-bad", "#!/bin/sh\necho the store is locked; exit 1\n", 0755);
  EXPECT_EQ(refusal(), "docker-credential-bad get failed: the store is locked");
  directory.put("docker-credential-bad", "#!/bin/sh\necho secret; exit 0\n", 0755);
  EXPECT_EQ(refusal(), "docker-credential-bad get answers with something else than credentials");
  directory.put("docker-credential-bad", "#!/bin/sh\nyes\n", 0755);
  EXPECT_EQ(refusal(), "docker-credential-bad says too much");
}

TEST_F(Login, OfAProgramThatDoesNotEndIsNotWaitedFor) {
  const registry::Keychain keychain("slow", std::chrono::milliseconds(200));
  directory.put("docker-credential-slow", "#!/bin/sh\nexec sleep 100\n", 0755);
  EXPECT_THROW(keychain.get("a"), Error);
  // Who holds its output open is not waited for.
  directory.put("docker-credential-slow",
                "#!/bin/sh\nsleep 2 &\necho '{\"Username\":\"u\",\"Secret\":\"s\"}'\n", 0755);
  const auto login = keychain.get("a");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->secret, "s");
}

TEST(CredentialFiles, AreThoseOfPodmanAndThenDockers) {
  const Variable home("HOME", "/h"), runtime("XDG_RUNTIME_DIR", "/r"), configuration("XDG_CONFIG_HOME", ""),
      docker("DOCKER_CONFIG", "");
  {
    const Variable given("REGISTRY_AUTH_FILE", "/given");
    const auto files = registry::credential_files();
    EXPECT_EQ(files.read, std::vector{HostPath("/given")});
    EXPECT_EQ(files.written, HostPath("/given"));
  }
  const auto files = registry::credential_files();
  EXPECT_EQ(files.read,
            (std::vector{HostPath("/r/containers/auth.json"), HostPath("/h/.config/containers/auth.json"),
                         HostPath("/h/.docker/config.json")}));
  EXPECT_EQ(files.written, HostPath("/h/.docker/config.json"));
  const Variable other("DOCKER_CONFIG", "/d");
  EXPECT_EQ(registry::credential_files().written, HostPath("/d/config.json"));
}

TEST(Base64, GoesThereAndBack) {
  for (const auto& [plain, coded] : {std::pair<std::string, std::string>{"", ""},
                                     {"f", "Zg=="},
                                     {"fo", "Zm8="},
                                     {"foo", "Zm9v"},
                                     {"foob", "Zm9vYg=="},
                                     {"\xff\xfe", "//4="}}) {
    EXPECT_EQ(registry::to_base64(plain), coded);
    EXPECT_EQ(registry::from_base64(coded), plain);
  }
  EXPECT_EQ(registry::from_base64("Zg"), "f");
  EXPECT_FALSE(registry::from_base64("Z"));
  EXPECT_FALSE(registry::from_base64("Zg==="));
  EXPECT_FALSE(registry::from_base64("Z g="));
}

TEST(Printable, IsOneLineWhateverIsSaid) {
  EXPECT_EQ(registry::printable("  a\r\n\tb  "), "a b");
  EXPECT_EQ(registry::printable("a\x1b[31mb\xff\xc2\x9b"
                                "c\0d"),
            "a?[31mb??c");
  EXPECT_EQ(registry::printable("übel"), "übel");
  EXPECT_EQ(registry::printable("a\xe2\x80\xae"
                                "b"),
            "a?b");
  EXPECT_EQ(registry::printable("abcdef", 3), "abc…");
  EXPECT_EQ(registry::printable("abc", 3), "abc");
}

}  // namespace
