// Layers become a tarball again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "store/merged.h"

namespace tare::image {

struct ExportOptions {
  std::vector<HostPath> layers;  ///< topmost first
  store::Marks marks = store::Marks::trusted;
  std::optional<std::string> output;  ///< a path; none: standard output
};

/// Writes what the layers show together. A file of that name is replaced when all is written, and not before.
/// The process can do nothing else afterwards (archive/confine.h).
void export_tarball(const ExportOptions& options);

}  // namespace tare::image
