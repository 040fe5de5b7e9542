// A traced run as a picture: a lane for each process, its operations along the time.
#pragma once

#include <string>

#include "trace/trace.h"

namespace tare::trace {

/// A whole SVG document, for any browser, light and dark. Where nothing begins or ends for long, the axis has
/// a break. The operations that cost most are numbered and listed (pure).
std::string to_svg(const Trace& trace);

}  // namespace tare::trace
