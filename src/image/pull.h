// From a registry into the store: layers are fetched, hashed and unpacked at once, several at a time.
#pragma once

#include <optional>
#include <string>

#include "image/worker.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "registry/client.h"

namespace tare::image {

/// What a pull tells of itself, by short ids of blobs.
struct PullEvents {
  enum class What { exists, waits, downloading, downloaded, unpacking, complete };
  std::function<void(const std::string& layer, What what, Bytes done, Bytes total)> layer;
};

struct PullOptions {
  HostPath root;  ///< of the store
  oci::Reference reference;
  std::optional<oci::Platform> platform;
  registry::Settings settings;
  PullEvents events;
};

struct Pulled {
  oci::Digest digest;  ///< by which the registry knows what was asked for
  oci::Digest id;
  bool is_new = false;  ///< the name meant something else before, or nothing
};

/// Nothing of it has a name before all of it is there and verified; what has come of a blob stays for the
/// next pull. SIGINT, SIGTERM and SIGHUP end it. Throws Error naming the image.
Pulled pull(const PullOptions& options);

}  // namespace tare::image
