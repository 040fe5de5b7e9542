// What directories show together becomes the blob of a layer.
#pragma once

#include <vector>

#include "image/confined_process.h"
#include "store/blobs.h"
#include "store/merged.h"

namespace tare::image {

/// Adds to `blob`, compressed with gzip, all that `layers` (topmost first) show together, without what is
/// mounted in them. By a process that can read that and nothing else.
void add_tree(const std::vector<HostPath>& layers, store::Marks marks, const store::NewBlob& blob,
              const HeldSignals& held);

}  // namespace tare::image
