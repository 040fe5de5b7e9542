// Applies a tar stream to a directory: exact, and never outside of it whatever the archive says.
#pragma once

#include <cstdint>
#include <functional>

#include "archive/compression.h"
#include "sys/unique_fd.h"

namespace tare::archive {

/// What names that begin with `.wh.` mean.
enum class Whiteouts {
  ordinary,  ///< nothing
  overlay,   ///< what a layer of an image hides of those below it
  refused    ///< the same of what has none of them, being no layer yet: a name that would be one is refused
};

/// What one archive may become. Holes count for nothing; what is decompressed does, written or not.
struct Limits {
  Bytes unpacked = Bytes{64} << 30;
  /// Entries and the directories they imply.
  std::uint64_t entries = 16 << 20;
  /// False: they are left out, as where nobody can make one.
  bool device_nodes = true;
  Whiteouts whiteouts = Whiteouts::ordinary;
};

/// Sets trusted.overlay.opaque on an open directory, or has it set by someone who may.
using MarkTrusted = std::function<void(sys::Fd directory)>;

/// Reads `stream` to its end and makes what it describes beneath `root`, a directory; the caller's process
/// has the rights to (root, or the few capabilities named in confine.h).
///
/// The rules: absolute names and `./` are relative to the root. A later entry replaces an earlier one of the
/// same name, except a directory, which keeps its contents. A name, a parent that is a symlink, or a hard
/// link's target that leads outside is refused. Missing parents are made (root's, 0755).
///
/// Whiteouts::overlay makes a directory for overlayfs to put upon others, so that the result is what the
/// layers would be when applied one after the other: `.wh.NAME` becomes the device that hides NAME; a
/// directory with `.wh..wh..opq` in it, one that is hidden by the same layer, before or after, or that takes
/// the place of another file of it, becomes opaque (a whiteout hides lower layers only: so umoci; containerd,
/// where it makes such marks, takes it before an entry of its name and fails after one). On the root
/// overlayfs does not look for the mark: see store::visible_layers(). Names that AUFS used otherwise are left
/// out. An opaque directory has the mark of both kinds of overlays, as one layer may be in both: with
/// user.overlay.opaque alone where `mark_trusted` is empty. What lower layers have is not known here, as in
/// any engine that unpacks each for itself: a parent that is not in the archive shows as it was made, and one
/// that is a symlink there is hidden by it, not followed.
///
/// Throws Error naming the entry; what was written until then stays, for the caller to remove.
void apply_tar(TarStream& stream, sys::Fd root, const Limits& limits = {},
               const MarkTrusted& mark_trusted = {});

}  // namespace tare::archive
