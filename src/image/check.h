// Whether the store of images is what it should be.
#pragma once

#include <string>
#include <vector>

#include "image/worker.h"
#include "state/containers.h"

namespace tare::image {

/// Reads every blob and compares it with its name; every image has all of its blobs; every layer that a
/// container needs is there. What is left of what was interrupted is removed on the way. A line for each
/// thing that is not so.
std::vector<std::string> check(const state::Place& place, const ProgressReport& report);

}  // namespace tare::image
