// Writes a directory tree as a POSIX pax archive: exact, streaming, and never a step outside of the tree.
#pragma once

#include "sys/unique_fd.h"

namespace tare::archive {

/// Writes all that is beneath `root`, which is open for reading, to `output`: files, directories, symlinks,
/// devices, FIFOs; hard links among them; owners, modes, times to the nanosecond, and the extended attributes
/// that apply_tar() takes. Names byte for byte and in order, `./` the root itself. Sockets cannot be in an
/// archive and are left out. What vanishes meanwhile is left out, too; a file that shrinks is filled up with
/// zeros to the size that it had.
/// The process's working directory changes. Throws Error naming the path.
void write_tar(sys::Fd root, sys::Fd output);

}  // namespace tare::archive
