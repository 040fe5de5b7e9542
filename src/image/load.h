// From an archive of images, as docker, podman and tare save them, into the store.
#pragma once

#include <string>
#include <vector>

#include "image/worker.h"

namespace tare::image {

struct LoadOptions {
  HostPath root;       ///< of the store
  std::string source;  ///< a path, or "-" for the standard input; a directory is an OCI image layout
  ProgressReport progress;
};

struct LoadedImage {
  std::string name;  ///< empty: it has none
  oci::Digest id;
};

/// An archive may hold images in docker's form (manifest.json), as an OCI image layout, or both. Nothing of
/// it is in the store unless all of an image is. Throws Error naming the source and what is wrong with it.
std::vector<LoadedImage> load(const LoadOptions& options);

}  // namespace tare::image
