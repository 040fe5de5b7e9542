// An image's layers on their way into the store: several at once, each by a confined worker of its own.
#pragma once

#include <list>
#include <vector>

#include "image/worker.h"
#include "oci/image.h"
#include "store/layers.h"

namespace tare::image {

/// What an archive may become: as much as $TARE_UNPACK_LIMIT says.
archive::Limits unpack_limits();
/// What a layer may become; marks and device nodes as an overlay here wants them.
archive::Limits layer_limits();

/// A layer whose bytes a worker reads from `source`, which stays open as long as this lives.
class NewLayer {
 public:
  NewLayer(const HostPath& root, oci::Digest layer, sys::UniqueFd source, const HeldSignals& held);

  UnpackWorker& worker() { return worker_; }
  /// When the worker asks for nothing more: checks that its tar was `layer`, and publishes it. The digest of
  /// the bytes as they came. Throws what the worker threw, or Error{invalid}.
  oci::Digest finish();

 private:
  HostPath root_;
  oci::Digest layer_;
  sys::UniqueFd source_;
  store::Staging staging_;
  UnpackWorker worker_;
};

/// Where the bytes of a layer are.
struct LayerSource {
  oci::Digest layer;  ///< of the uncompressed tar
  sys::UniqueFd file;
  Bytes size = 0;
};
/// Unpacks all that are not there yet, as many at once as there are processors. What they were as they came,
/// in the order of `sources`. Throws Error naming the layer.
std::vector<oci::Digest> unpack_layers(const HostPath& root, std::vector<LayerSource> sources,
                                       const HeldSignals& held, const ProgressReport& report);

/// From its blobs those of an image that are not unpacked yet.
void unpack_image(const HostPath& root, const oci::Digest& manifest, const ProgressReport& report);

}  // namespace tare::image
