// Ids of a user namespace and the host's ids that they stand for (user_namespaces(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "oci/runtime_config.h"

namespace tare::oci {

/// The host's id behind the container's; nullopt where there is none.
std::optional<std::uint32_t> host_id(std::span<const IdMapping> mappings, std::uint32_t id);

/// A line for each mapping, as /proc/PID/uid_map takes them.
std::string map_text(std::span<const IdMapping> mappings);

/// Throws Error{invalid} for what the kernel would refuse, or what leaves the container without an id 0.
/// `what`: "uid" or "gid".
void check_mappings(std::span<const IdMapping> mappings, std::string_view what);

}  // namespace tare::oci
