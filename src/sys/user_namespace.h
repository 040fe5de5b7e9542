// Who this process is, where a user namespace says something else than the machine (user_namespaces(7)).
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tare::sys {

/// Whether this process is in the user namespace that the machine began with. There alone a root's rights are
/// over the machine; in others some things cannot be done at all, such as making devices.
bool in_first_user_namespace();

/// Whether this process is root of all that it sees: the machine's, or that of a container with a system of
/// its own. False for a user's process that is root only in a user namespace: /run is not its own there.
bool is_root_of_system();

/// The effective user as the user namespace around this one knows it.
uid_t outside_uid();

/// Ids that there are in this user namespace: `count` from `inside` on.
struct IdRange {
  std::uint64_t inside = 0, outside = 0, count = 0;
};
enum class IdKind { user, group };
std::vector<IdRange> own_ids(IdKind kind);
bool contains(const std::vector<IdRange>& ranges, std::uint64_t id);

/// Whether the groups of a process cannot be changed: in user namespaces whose ids were mapped without a
/// right to. `process`: its name in /proc.
bool groups_are_fixed(const std::string& process = "self");

}  // namespace tare::sys
