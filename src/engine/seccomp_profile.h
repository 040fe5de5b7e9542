// Seccomp profiles as docker has them: the specification's, with rules that depend on the container and the
// machine. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "oci/runtime_config.h"

namespace tare::engine {

/// What a profile's rules may depend on.
struct ProfileFacts {
  std::uint64_t capabilities = 0;  ///< that the container can come to have
  std::string architecture;        ///< "amd64", as Go calls it
  std::string kernel;              ///< "6.1.0-13-amd64", as uname(2) has it
};

/// What remains of it for this container. Throws Error{invalid} or Error{unsupported} naming the field.
oci::Seccomp parse_profile(std::string_view text, const ProfileFacts& facts);

}  // namespace tare::engine
