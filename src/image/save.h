// Images of the store as an archive that docker, podman and tare load.
#pragma once

#include <string>
#include <vector>

#include "image/worker.h"
#include "store/images.h"

namespace tare::image {

struct SavedImage {
  store::Image image;
  std::string name;  ///< that it was asked for by, whole; empty: by its id
};

/// An OCI image layout with docker's manifest.json, each blob once. The same images give the same bytes.
void save(const HostPath& root, const std::vector<SavedImage>& images, sys::Fd output,
          const ProgressReport& report);

}  // namespace tare::image
