// The names under which files keep credentials: registries, with or without scheme and path, and, as podman
// has it, parts of them ("quay.io/team").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tare::registry {

/// What docker calls its own registry ("https://index.docker.io/v1/"), and every other by its name.
std::string server_of(std::string_view domain);

/// How well a key fits: 0 not at all, else the length of what both have in common. "https://host/v2/" and
/// "host/v1/" are keys of the whole registry, as docker takes them; "host/team" is one of what lies below.
std::size_t fit(std::string_view key, std::string_view domain, std::string_view path);
/// Whether the key means this registry as a whole.
bool names_registry(std::string_view key, std::string_view domain);

}  // namespace tare::registry
