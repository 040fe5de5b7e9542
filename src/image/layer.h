// What a container changed becomes a layer of an image.
#pragma once

#include <cstdint>

#include "archive/compressor.h"
#include "base/types.h"
#include "store/merged.h"

namespace tare::image {

struct LayerOptions {
  HostPath upper;  ///< of the overlay
  store::Marks marks = store::Marks::trusted;
  archive::Compression compression = archive::Compression::gzip;  ///< none, gzip or zstd
};

struct WrittenLayer {
  oci::Digest layer;  ///< of the tar
  oci::Digest blob;   ///< of the bytes that were written
  Bytes tar_bytes = 0, blob_bytes = 0;
  std::uint64_t sockets = 0;  ///< left out
};

/// Writes the layer to `output`, by a process that can read `upper` and nothing else. Throws Error naming the
/// file. SIGINT, SIGTERM and SIGHUP end it; what was written stays, for the caller to remove. The calling
/// process must have one thread.
WrittenLayer write_layer(const LayerOptions& options, sys::Fd output);

}  // namespace tare::image
