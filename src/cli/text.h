// Text for a terminal: what may be shown, how wide it is, where it breaks.
#pragma once

#include <string>
#include <string_view>

namespace tare::cli {

/// The text with control characters (C1 and DEL too: terminals obey them) and bytes that are not UTF-8 as
/// `?`.
std::string printable(std::string_view text);

/// Columns on a terminal, roughly: code points. For printable text.
std::size_t columns_of(std::string_view text);

/// At most so many code points, the last of which is then "…".
std::string shortened(const std::string& text, std::size_t most);

/// Appends `text` to `out` with line breaks instead of spaces where a line would pass column `width`. The
/// first line starts at column `start`, the others are indented by `indent`. A word wider than the line stays
/// whole.
void append_wrapped(std::string& out, std::string_view text, std::size_t start, std::size_t indent,
                    std::size_t width);

}  // namespace tare::cli
