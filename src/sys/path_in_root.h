// Paths inside a hostile directory tree, resolved only by the kernel and only once: openat2(2) with
// RESOLVE_IN_ROOT, so that symlinks, `..` and absolute links stay inside, and no magic link is followed
// (CVE-2021-30465, CVE-2024-45310).
#pragma once

#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::sys {

/// Opens `path` as seen by a process whose root directory is `root`. Throws naming the path.
UniqueFd open_in_root(Fd root, const ContainerPath& path, int flags, unsigned mode = 0);
/// The same; an invalid UniqueFd with errno set where it fails.
UniqueFd try_open_in_root(Fd root, const ContainerPath& path, int flags, unsigned mode = 0) noexcept;

/// The same, but what leads outside of `root` (an absolute symlink, too many `..`) fails with EXDEV instead
/// of being brought back inside: for input that has no business pointing there.
UniqueFd try_open_beneath(Fd root, const ContainerPath& path, int flags, unsigned mode = 0) noexcept;

/// Opens a regular file for reading, and nothing else: opening a device node has effects of its own (a
/// watchdog starts), and so does reading what is in /proc or another of the kernel's own file systems, so
/// what it is is known before it is opened. Invalid with errno set (EINVAL: something else is there), but
/// throws what says nothing of the file (is_breakdown()).
UniqueFd try_open_regular_in_root(Fd root, const ContainerPath& path);

}  // namespace tare::sys
