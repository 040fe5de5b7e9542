// Containers made by a user who is not root: the runtime becomes root of a user namespace first.
#pragma once

#include "oci/runtime_config.h"

namespace tare::runtime {

/// For a caller who is not root (else it does nothing): enters the user namespace that `config` asks for, as
/// its root and with a mount namespace that belongs to it, and takes it out of `config`. All that follows is
/// then as it is for a root who makes a container without one. More ids than the caller's own are mapped by
/// newuidmap(1) and newgidmap(1). Throws Error{unsupported} where `config` asks for none, where it may not be
/// made, and where those programs or the user's lines in /etc/subuid and /etc/subgid are missing;
/// Error{invalid} where the container's root would be somebody else than the caller. The caller is
/// single-threaded.
void become_root(oci::RuntimeConfig& config);

}  // namespace tare::runtime
