// Whom to be at a registry: what docker's config.json and podman's auth.json say, and the programs that these
// name (docs/registries.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace tare::registry {

struct Credentials {
  std::string user, password;
  std::string identity_token;  ///< gets tokens in place of a password (OAuth 2's refresh token)
  std::string registry_token;  ///< a token as it is sent to the registry

  /// Nobody: what is public is all there is.
  bool is_empty() const {
    return user.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
  bool operator==(const Credentials&) const = default;
};

/// The files that are asked, the first first.
struct CredentialFiles {
  std::vector<HostPath> read;
  HostPath written;  ///< gets what is new; empty: there is no place for it
};
/// $REGISTRY_AUTH_FILE alone; else, as podman and skopeo look for them:
/// $XDG_RUNTIME_DIR/containers/auth.json (root without such: /run/containers/0/auth.json), auth.json in
/// ~/.config/containers, config.json in $DOCKER_CONFIG or ~/.docker. New ones go into docker's.
CredentialFiles credential_files();

/// Those for a repository ("docker.io", "library/busybox"; or for the registry alone, with no path). The
/// first file that knows some is heeded; in it the longest key that fits. Throws Error{invalid} naming a file
/// that is broken and the field, and what Keychain throws.
Credentials find_credentials(const CredentialFiles& files, std::string_view domain,
                             std::string_view path = {});

/// Where store_credentials() put something, for people: "/root/.docker/config.json" or
/// "docker-credential-pass".
using CredentialPlace = std::string;

/// Into the first file that names this registry already, else into the one for new ones, or into the program
/// that this file names. All else in the file stays; it is replaced as a whole, mode 0600. Throws as above,
/// and when it cannot be written.
CredentialPlace store_credentials(const CredentialFiles& files, const std::string& domain,
                                  const Credentials& credentials);
/// From all of the files and their programs. The places where there was something.
std::vector<CredentialPlace> erase_credentials(const CredentialFiles& files, const std::string& domain);

}  // namespace tare::registry
