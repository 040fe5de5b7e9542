// A container's files become an image, upon the one it was made of.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/worker.h"
#include "oci/image.h"
#include "state/containers.h"
#include "store/merged.h"

namespace tare::image {

struct CommitOptions {
  HostPath root;                    ///< of the store
  ContainerId container;            ///< whose files they are
  std::optional<oci::Digest> base;  ///< the manifest of the image to put the layer upon
  /// With a base the overlay's upper directory, which is all that the layer has; without one the directories
  /// that make the whole root file system, topmost first.
  std::vector<HostPath> layers;
  store::Marks marks = store::Marks::trusted;
  std::string name;               ///< empty: none
  oci::ImageConfig config;        ///< without the new layer
  std::function<void()> is_read;  ///< called when the files are needed no more
  ProgressReport progress;
};

struct Committed {
  oci::Digest id;
  std::uint64_t sockets = 0;  ///< left out
};

/// Nothing of it has a name before all of it is there. Throws Error naming the file that no layer can have.
Committed commit(const CommitOptions& options);

}  // namespace tare::image
