// From the store to a registry, with the digests that it was pulled by.
#pragma once

#include <functional>
#include <string>

#include "base/types.h"
#include "oci/reference.h"
#include "registry/client.h"

namespace tare::image {

struct PushEvents {
  enum class What { exists, pushing, mounted, pushed };
  std::function<void(const std::string& blob, What what, Bytes done, Bytes total)> blob;
};

struct PushOptions {
  HostPath root;             ///< of the store
  oci::Reference reference;  ///< with a tag
  registry::Settings settings;
  PushEvents events;
};

struct PushedImage {
  oci::Digest digest;  ///< of the manifest
  Bytes size = 0;      ///< of the manifest
};

/// What the registry has already is not sent; what another repository of the same registry is known to have
/// is mounted from there. The name is given last. Throws Error{not_found} when the image is not here.
PushedImage push(const PushOptions& options);

}  // namespace tare::image
