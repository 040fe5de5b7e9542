// What a process that parses bytes from elsewhere gives up first.
#pragma once

#include <initializer_list>
#include <vector>

#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::archive {

/// Confines the calling process, for good, to unpacking into `tree`: its root directory, and Landlock where
/// the kernel has it; no capability but the six that exact metadata needs (CHOWN, DAC_OVERRIDE, FOWNER,
/// FSETID, MKNOD, SETFCAP), no new privileges, a seccomp filter that knows the calls of this work only, no
/// core dump. Of the open descriptors only `kept`, `tree` and the standard ones stay. The process must have
/// one thread.
void confine_to_unpacking(sys::Fd tree, std::initializer_list<sys::Fd> kept);

enum class Attributes {
  of_files,  ///< those that everybody sees
  trusted    ///< also `trusted.` ones, overlayfs' marks
};

/// The same for one that only reads `tree`: no capability but DAC_READ_SEARCH, and no call that writes
/// anything but what is open. The kernel shows `trusted.` attributes to CAP_SYS_ADMIN only, which then stays:
/// among the calls that the filter lets through there is none for which it is asked, but those that read
/// them.
void confine_to_reading(sys::Fd tree, std::initializer_list<sys::Fd> kept,
                        Attributes attributes = Attributes::of_files);

/// Confines the calling process, for good, to fetching into a store: it writes beneath `store` and nowhere
/// else and reads `readable` and the system's own files (Landlock, where the kernel has its second version);
/// it starts no program, and neither mounts nor looks into other processes nor does anything that only makers
/// of systems do (seccomp); it has no capabilities but those that the processes need which it starts for
/// unpacking. Paths of `readable` that are missing are passed over. The process must have one thread.
void confine_to_fetching(sys::Fd store, const std::vector<HostPath>& readable);

}  // namespace tare::archive
