// The kernel's numbers by name: namespaces, mount attributes, capabilities, resource limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tare::plan {

std::vector<std::string> namespace_names(std::uint64_t clone_flags);
std::vector<std::string> mount_attribute_names(std::uint64_t attributes);
/// "CHOWN" for bit 0 and so on.
std::vector<std::string> capability_names(std::uint64_t set);
/// The bit's number for a name such as "CHOWN" (capital letters, no CAP_ in front).
std::optional<int> capability_number(std::string_view name);
/// Every capability that a kernel could have.
std::uint64_t every_capability();
/// "nofile" for RLIMIT_NOFILE; the numbers are those of getrlimit(2).
std::string_view rlimit_name(int resource);
std::optional<int> rlimit_number(std::string_view name);
std::vector<std::string_view> rlimit_names();

}  // namespace tare::plan
