// What the default seccomp policy refuses, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tare::explain {

/// Whether a container with these capabilities may make the call, with some arguments at least (pure).
bool is_allowed_by_default(std::string_view call, std::uint64_t capabilities);

/// Families of calls, such as "mounting", none of which a container with these capabilities may make (pure).
std::vector<std::string> blocked_families(std::uint64_t capabilities);

}  // namespace tare::explain
