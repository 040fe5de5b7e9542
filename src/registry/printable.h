// What strangers say, fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace tare::registry {

/// On one line, blanks at both ends gone, no control characters (of C1 neither) and no bytes that are no
/// UTF-8; cut with "…" where it is longer than `most` bytes.
std::string printable(std::string_view text, std::size_t most = 300);

}  // namespace tare::registry
