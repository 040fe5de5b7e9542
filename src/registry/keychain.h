// Programs that keep passwords for docker and podman: docker-credential-NAME, found in PATH, which take a
// verb and speak JSON (docker's credential-helpers, README).
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace tare::registry {

/// What such a program keeps for a server.
struct KeptLogin {
  std::string user, secret;  ///< the user "<token>": the secret is an identity token
};

/// One of these programs. Every function throws Error{invalid} for a name that is none, and Error{system}
/// with the program's name when it is missing, fails, says something else or takes longer than it may; it is
/// killed then.
class Keychain {
 public:
  explicit Keychain(const std::string& name, std::chrono::milliseconds patience = std::chrono::minutes(2));

  /// nullopt: it keeps nothing for this server ("https://index.docker.io/v1/", "localhost:5000").
  std::optional<KeptLogin> get(const std::string& server) const;
  void store(const std::string& server, const KeptLogin& login) const;
  /// What is not there is no error.
  void erase(const std::string& server) const;

 private:
  std::string program_;
  std::chrono::milliseconds patience_;
};

}  // namespace tare::registry
