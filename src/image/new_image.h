// An image that is made here: its layer from a tar, its config and manifest, and at last its name.
#pragma once

#include <string>

#include "image/confined_process.h"
#include "image/worker.h"
#include "oci/image.h"
#include "store/blobs.h"

namespace tare::image {

/// A small blob: its digest.
oci::Digest keep_text(const HostPath& root, std::string_view text);
/// Of a layer's blob, by its first bytes.
std::string_view media_type_of(sys::Fd blob);

/// A layer that is a blob and an unpacked tree of the store.
struct AddedLayer {
  oci::Digest layer;  ///< of the tar
  oci::Descriptor blob;
};

/// What `blob` holds, a tar of a whole root file system, plain or compressed with gzip or zstd, becomes a
/// layer upon no other one. Throws Error{invalid} naming the entry that cannot be in a layer.
AddedLayer add_root_layer(const HostPath& root, store::NewBlob& blob, const HeldSignals& held,
                          const ProgressReport& report);
/// The same of one that hides files of those below it, whose digests are known.
AddedLayer add_layer(const HostPath& root, store::NewBlob& blob, const oci::Digest& layer,
                     const oci::Digest& digest, const HeldSignals& held, const ProgressReport& report);

/// Writes config and manifest, all of whose layers are there, and gives it its name, if it has one: its id.
/// The caller holds store::ImagesInUse.
oci::Digest add_image(const HostPath& root, const oci::ImageConfig& config,
                      const std::vector<oci::Descriptor>& layers, const std::string& name);

}  // namespace tare::image
