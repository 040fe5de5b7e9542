// `tare commit`: a container's files become an image.
#pragma once

#include <string>
#include <vector>

#include "engine/definition.h"
#include "oci/image.h"
#include "state/containers.h"

namespace tare::engine {

struct CommitOptions {
  std::string author, message;
  std::string name;                  ///< the image's; empty: none
  std::vector<std::string> changes;  ///< oci/changes.h
  bool pauses = true;                ///< a running container, while its files are read
};

/// What a container that was made so says of containers of its image: the image's own words, where the user
/// said nothing else. `image` is what it was made of; what is for builds upon that one is not for others.
oci::ImageDefaults committed_defaults(const RunOptions& options, const oci::ImageDefaults& image);

/// Becomes tare-image, which prints the image's id. Returns only by throwing.
[[noreturn]] void commit_container(const state::Place& place, const std::string& name_or_id,
                                   const CommitOptions& options);

}  // namespace tare::engine
