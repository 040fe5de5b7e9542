// Containers made by a user who is not root: tare becomes root of a user namespace first.
#pragma once

#include <string>
#include <vector>

#include "oci/runtime_config.h"

namespace tare::runtime {

/// The ids of a user namespace: inside, outside, how many.
struct OwnIds {
  std::vector<oci::IdMapping> uids, gids;
};

/// For a caller who is not root: makes a user namespace with these ids and enters it as its root, with a
/// mount namespace that belongs to it. More ids than the caller's own are mapped by newuidmap(1) and
/// newgidmap(1). Throws Error{unsupported} where it may not be made, and where those programs or the user's
/// lines in /etc/subuid and /etc/subgid are missing; Error{invalid} where id 0 would be somebody else than
/// the caller. The caller is single-threaded.
void make_own_namespace(const OwnIds& ids);

/// The same with one that there is already: the caller's own, at `path` (/proc/PID/ns/user). Throws
/// Error{system} when it is gone, or not his.
void join_own_namespace(const std::string& path);

/// Does the one or the other, as `config` asks for it, and takes the user namespace out of `config`: all that
/// follows is as it is for a root who makes a container without one. Does nothing for root. Throws
/// Error{unsupported} where `config` asks for none.
void become_root(oci::RuntimeConfig& config);

}  // namespace tare::runtime
