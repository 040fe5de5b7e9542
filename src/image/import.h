// A root file system becomes an image of one layer.
#pragma once

#include <string>

#include "image/worker.h"
#include "oci/image.h"

namespace tare::image {

struct ImportOptions {
  HostPath root;            ///< of the store
  std::string source;       ///< a tarball, a directory, or "-" for the standard input
  std::string name;         ///< empty: none
  oci::ImageConfig config;  ///< without layers
  ProgressReport progress;
};

/// The image's id. Nothing of it has a name before all of it is there. A tarball that is plain or compressed
/// with gzip or zstd is the layer's blob as it came, any other without its compression. Throws Error naming
/// the source and what is wrong with it; a file whose name begins with `.wh.` is refused, as no layer of an
/// image can have it.
oci::Digest import(const ImportOptions& options);

}  // namespace tare::image
