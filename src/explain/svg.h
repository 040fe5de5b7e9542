// A container as a picture: the host, the namespaces as boxes in boxes, the processes in them, its files.
#pragma once

#include <string>

#include "explain/container.h"

namespace tare::explain {

/// A whole SVG document, for any browser, light and dark. What it has no room for is in tooltips or counted
/// ("and 12 more"); attributes data-… say what a box is, for programs (pure).
std::string to_svg(const Container& container);

}  // namespace tare::explain
