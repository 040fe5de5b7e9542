// A tarball becomes a layer: found where it was unpacked before, else unpacked by a confined worker.
#pragma once

#include <functional>
#include <string>

#include "archive/apply.h"
#include "store/layers.h"

namespace tare::image {

struct UnpackOptions {
  HostPath root;       ///< of the store
  std::string source;  ///< a path, or "-" for the standard input
  archive::Limits limits;
  /// Overlay: an image's layer, which is always read. Sets limits.whiteouts.
  store::LayerKind kind = store::LayerKind::flat;
  /// Called about ten times a second: bytes read so far, and of how many (0: not known).
  std::function<void(Bytes done, Bytes total)> progress;
};

/// Of the tar's digest, see store::tree_of(). Throws Error naming the source; SIGINT, SIGTERM and SIGHUP end
/// it and leave nothing behind.
store::LayerId unpack_tarball(const UnpackOptions& options);

}  // namespace tare::image
