#include "registry/credential_keys.h"

#include "base/format.h"

namespace tare::registry {
namespace {

constexpr std::string_view docker_domain = "docker.io", docker_server = "https://index.docker.io/v1/";

struct Place {
  std::string_view host, path;
};

// docker's ConvertToHostname; but a path that is no part of a registry's API limits the key, as in podman.
Place place_of(std::string_view key) {
  bool is_whole = false;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!key.starts_with(scheme)) continue;
    key.remove_prefix(scheme.size());
    is_whole = true;
    break;
  }
  const auto slash = key.find('/');
  Place place{.host = key.substr(0, slash), .path = slash == key.npos ? "" : key.substr(slash + 1)};
  while (place.path.ends_with('/')) place.path.remove_suffix(1);
  if (is_whole || place.path == "v1" || place.path == "v2") place.path = {};
  if (place.host == "index.docker.io" || place.host == "registry-1.docker.io") place.host = docker_domain;
  return place;
}

}  // namespace

std::string server_of(std::string_view domain) {
  return std::string(domain == docker_domain ? docker_server : domain);
}

std::size_t fit(std::string_view key, std::string_view domain, std::string_view path) {
  const Place place = place_of(key);
  if (place.host.empty() || place.host != domain) return 0;
  if (place.path.empty()) return domain.size();
  const bool is_below =
      path.starts_with(place.path) && (path.size() == place.path.size() || path[place.path.size()] == '/');
  return is_below ? domain.size() + 1 + place.path.size() : 0;
}

bool names_registry(std::string_view key, std::string_view domain) {
  const Place place = place_of(key);
  return place.path.empty() && !place.host.empty() && place.host == domain;
}

}  // namespace tare::registry
