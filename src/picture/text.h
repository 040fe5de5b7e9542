// Texts in a picture: made harmless, measured, cut to the room that they have.
#pragma once

#include <string>
#include <string_view>

namespace tare::picture {

enum class Face { plain, bold, code };

/// What XML 1.0 cannot hold and what turns the direction of writing becomes U+FFFD, a blank of any kind a
/// space; everything else is as it was (pure).
std::string printable(std::string_view text);

/// Of printable text, as the content of an element or a quoted attribute.
std::string escape(std::string_view text);

/// In the units of `size`, the height of the letters' em: at least as much as any usual font of the kind
/// takes.
double text_width(std::string_view text, Face face, double size);

/// The text, or what of its begin fits into the width with a "…" behind it; empty where not even that does.
std::string cut_end(std::string_view text, Face face, double size, double width);
/// The same, without a part of the middle: for paths, whose ends tell most.
std::string cut_middle(std::string_view text, Face face, double size, double width);

}  // namespace tare::picture
