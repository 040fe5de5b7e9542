// The colours of all pictures, in light and in dark.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace tare::picture {

/// A class of the style sheet; empty: it has none of that.
struct Tone {
  std::string_view name;
  std::string_view fill, stroke;            ///< in light
  std::string_view dark_fill, dark_stroke;  ///< in dark
  std::string_view shape = {};              ///< further declarations
};

/// How deep boxes in boxes are told apart by colour: "ring0" … "ring7"; deeper ones start again.
inline constexpr int ring_depths = 8;

/// The rules of those tones that a picture uses, for both, and what holds for all of it. std::logic_error: a
/// tone that there is not.
std::string style_sheet(const std::set<std::string, std::less<>>& tones);

}  // namespace tare::picture
