// User namespaces of containers: `--userns`, `--uidmap`, `--gidmap`, and which of the host's ids a container
// gets that asks for some.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/run_options.h"
#include "state/containers.h"
#include "sys/unique_fd.h"

namespace tare::engine {

/// "0:100000:65536", "0:1000" (one id). Throws Error{invalid}.
oci::IdMapping parse_mapping(const std::string& text);

/// What the options say together; where only uids or only gids are mapped, the others are mapped alike.
void validate_user_namespace(RunOptions& options);

/// `--userns auto`: chooses ids that no other container of this root has. They are the container's as soon as
/// its definition is written, until then nobody else chooses while the returned lock is held. Does nothing
/// for options that say what is mapped, or that want no user namespace.
sys::UniqueFd choose_mappings(const state::Place& place, RunOptions& options);

/// Ids of the host, `size` from `first` on.
struct IdRange {
  std::uint32_t first = 0, size = 0;
  bool operator==(const IdRange&) const = default;
};
inline constexpr std::uint32_t chosen_size = 65536;
/// Where to choose from on a host that says nothing: ids that neither people nor other programs are given.
inline constexpr IdRange unclaimed{.first = 2147483648, .size = 2147418112};

/// The ranges that a file like subuid(5) gives to a user, by name or by number.
std::vector<IdRange> subordinate_ranges(std::string_view subordinate_ids, std::string_view user);
/// The ranges that such a file gives to tare: those of the user "containers", or root's; where it
/// names neither, `unclaimed`.
std::vector<IdRange> ranges_for_containers(std::string_view subordinate_ids);
/// The first free place for `size` ids.
std::optional<std::uint32_t> find_free(const std::vector<IdRange>& ranges, std::vector<IdRange> taken,
                                       std::uint32_t size);

}  // namespace tare::engine
