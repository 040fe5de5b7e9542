// Where a user keeps configuration.
#pragma once

#include <optional>
#include <string>

#include "base/types.h"

namespace tare::registry {

/// A variable that is set to something.
std::optional<std::string> from_environment(const char* name);
/// $HOME; nullopt: there is none.
std::optional<HostPath> home_directory();
/// $XDG_CONFIG_HOME, else ~/.config.
std::optional<HostPath> configuration_directory();

}  // namespace tare::registry
