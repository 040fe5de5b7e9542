// Writes a directory tree as a POSIX pax archive: exact, streaming, and never a step outside of the tree.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "sys/unique_fd.h"

namespace tare::archive {

/// Writes all that is beneath `root`, which is open for reading, to `output`: files, directories, symlinks,
/// devices, FIFOs; hard links among them; owners, modes, times to the nanosecond, and the extended attributes
/// that apply_tar() takes. Names byte for byte and in order, `./` the root itself. Sockets cannot be in an
/// archive and are left out. What vanishes meanwhile is left out, too; a file that shrinks is filled up with
/// zeros to the size that it had.
/// The process's working directory changes. Throws Error naming the path.
void write_tar(sys::Fd root, sys::Fd output);

/// The archive's bytes, in pieces.
using ByteSink = std::function<void(std::string_view bytes)>;

/// Whose attributes are the marks in an overlay's upper directory (archive/whiteout.h). The other kind's are
/// of another overlay, copied up with a directory, and say nothing.
enum class UpperMarks { trusted, user };

struct WrittenTree {
  std::uint64_t sockets = 0;  ///< left out
};

/// The same as it comes.
WrittenTree write_tar(sys::Fd root, const ByteSink& sink);

/// Writes what an overlay's upper directory changes as a layer of an image (image-spec, layer.md): as
/// write_tar(), but a hidden name becomes an empty file `.wh.NAME`, an opaque directory has `.wh..wh..opq`,
/// and in each directory these come before its files. So the same tree gives the same bytes. The marks of
/// UpperMarks::trusted are seen with CAP_SYS_ADMIN only.
/// Throws Error{invalid} for a file whose name begins with `.wh.`, which would hide another one in the layer;
/// and for one that is not all in `upper` (overlayfs' redirect_dir and metacopy).
WrittenTree write_layer(sys::Fd upper, UpperMarks marks, const ByteSink& sink);

}  // namespace tare::archive
