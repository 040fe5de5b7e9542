// What layers show together, for reading: mounted nowhere, seen by nobody else, gone with its descriptor.
#pragma once

#include <vector>

#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::store {

/// Whose extended attributes are overlayfs' own marks in the layers: in a user namespace it writes other
/// ones.
enum class Marks { trusted, user };
/// Those that an overlay in this process's user namespace reads and writes.
Marks own_marks();

/// The topmost of `layers` down to the first whose root is marked opaque: overlayfs does not look for that
/// mark on a layer's own root. Whoever mounts layers of an image asks for them first; open_merged() does.
std::vector<HostPath> visible_layers(std::vector<HostPath> layers, Marks marks);

/// The directory that `layers` (topmost first) make, without what the host has mounted in them. Nothing can
/// be written through it, no device opened, no time of access changed. Layers may be in use by a container;
/// what it changes meanwhile may be seen or not. Throws Error{no_overlay} where more than one needs an
/// overlay that is not to be had.
sys::UniqueFd open_merged(const std::vector<HostPath>& layers, Marks marks = Marks::trusted);

}  // namespace tare::store
