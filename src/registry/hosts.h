// Where the requests for a registry go and whom to believe there: registries.json and the certificates that
// docker and podman keep in certs.d (docs/registries.md).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace tare::registry {

/// How a server shows who it is, and we to it.
struct Trust {
  bool is_verified = true;
  std::vector<HostPath> authorities = {};  ///< PEM files, believed beside those of the system
  HostPath certificate = {}, key = {};     ///< our own; empty: none
};

/// A server with the registry's API.
struct Endpoint {
  std::string url;     ///< "https://registry-1.docker.io": without a slash at the end, may have a path
  std::string domain;  ///< under which it has credentials: "docker.io", "mirror.example:5000"
  Trust trust;
  bool may_be_plain = false;  ///< HTTP will do where it has no TLS
  bool is_mirror = false;
};

struct HostPlaces {
  std::vector<HostPath> files;  ///< what an earlier one says of a registry counts
  std::vector<HostPath>
      certificate_directories;  ///< of the first that has HOST[:PORT]/, what is in it counts
};
/// $TARE_REGISTRIES alone, else registries.json in ~/.config/tare and /etc/tare; certs.d in
/// ~/.config/containers, /etc/containers and /etc/docker.
HostPlaces host_places();

class Hosts {
 public:
  /// Reads the files; those that are missing say nothing. Throws Error{invalid} naming the file and the
  /// field, and when one that is there cannot be read.
  explicit Hosts(HostPlaces places);

  /// The files and directories that trust() and endpoints() have read, or will; what is a symlink in the
  /// directories, too.
  std::vector<HostPath> files() const;

  /// The mirrors of the registry in their order, then itself.
  std::vector<Endpoint> endpoints(const std::string& domain) const;
  /// The registry itself: it is written to, and it alone.
  Endpoint origin(const std::string& domain) const;
  /// Of a server that others refer to ("cdn.example", "auth.example:8443").
  Trust trust(const std::string& domain) const;

 private:
  struct Entry {
    std::vector<std::string> mirrors;
    bool is_insecure = false;
    HostPath authority, certificate, key;
  };
  void read(const HostPath& file);
  const Entry& entry_of(const std::string& domain) const;

  HostPlaces places_;
  std::map<std::string, Entry, std::less<>> entries_;
};

/// localhost, 127.0.0.0/8 or ::1, with a port or without: what is said there stays on this machine.
bool is_loopback(std::string_view domain);

}  // namespace tare::registry
