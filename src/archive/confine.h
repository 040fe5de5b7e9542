// What a process that parses bytes from elsewhere gives up first.
#pragma once

#include "sys/unique_fd.h"

namespace tare::archive {

/// Confines the calling process, for good, to unpacking into `tree`: Landlock where the kernel has it, no
/// capability but the seven or fewer that exact metadata needs (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD,
/// SETFCAP), no new privileges, a seccomp filter that knows the calls of this work only, no core dump.
/// Descriptors open already stay usable. The process must have one thread.
void confine_to_unpacking(sys::Fd tree);

}  // namespace tare::archive
