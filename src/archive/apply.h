// Applies a tar stream to a directory: exact, and never outside of it whatever the archive says.
#pragma once

#include <cstdint>

#include "archive/compression.h"
#include "sys/unique_fd.h"

namespace tare::archive {

/// What one archive may become. Holes count for nothing; what is decompressed does, written or not.
struct Limits {
  Bytes unpacked = Bytes{64} << 30;
  /// Entries and the directories they imply.
  std::uint64_t entries = 16 << 20;
  /// False: they are left out, as where nobody can make one.
  bool device_nodes = true;
};

/// Reads `stream` to its end and makes what it describes beneath `root`, a directory; the caller's process
/// has the rights to (root, or the few capabilities named in confine.h).
///
/// The rules: absolute names and `./` are relative to the root. A later entry replaces an earlier one of the
/// same name, except a directory, which keeps its contents. A name, a parent that is a symlink, or a hard
/// link's target that leads outside is refused. Missing parents are made (root's, 0755). Everything is a flat
/// tree: names beginning with `.wh.` are ordinary files, as for `docker import`; they mean something in the
/// layers of an image only.
///
/// Throws Error naming the entry; what was written until then stays, for the caller to remove.
void apply_tar(TarStream& stream, sys::Fd root, const Limits& limits = {});

}  // namespace tare::archive
