#include "registry/home.h"

#include <cstdlib>

namespace tare::registry {

std::optional<std::string> from_environment(const char* name) {
  const char* value = ::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<HostPath> home_directory() {
  const auto home = from_environment("HOME");
  return home ? std::optional(HostPath(*home)) : std::nullopt;
}

std::optional<HostPath> configuration_directory() {
  if (const auto directory = from_environment("XDG_CONFIG_HOME")) return HostPath(*directory);
  const auto home = home_directory();
  return home ? std::optional(*home / ".config") : std::nullopt;
}

}  // namespace tare::registry
