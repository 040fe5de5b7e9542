#include "picture/palette.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "base/format.h"

namespace tare::picture {
namespace {

constexpr std::string_view none = "none";

// Every fill is opaque, so that what is behind a text is one colour: tests/pictures asks for 4.5:1.
constexpr Tone tones[] = {
    {"paper", "#ffffff", "", "#0d1218", ""},
    {"ground", "#f4f5f7", "#dde0e5", "#151b23", "#2b3440"},
    {"plate", "#ffffff", "#cfd4db", "#10161d", "#37424f"},
    {"ring0", "#eff4fb", "#b9cbe6", "#18212c", "#344c6b"},
    {"ring1", "#eaf1fa", "#b4c8e5", "#1a2532", "#365172"},
    {"ring2", "#e5eef9", "#afc5e4", "#1c2937", "#385578"},
    {"ring3", "#e0ebf8", "#aac2e3", "#1e2d3d", "#3a5a7f"},
    {"ring4", "#dbe8f7", "#a5bfe2", "#203142", "#3c5f86"},
    {"ring5", "#d6e4f6", "#a0bce1", "#223548", "#3e648d"},
    {"ring6", "#d1e1f5", "#9bb9e0", "#24394e", "#406994"},
    {"ring7", "#ccdef4", "#96b6df", "#263d53", "#426e9b"},
    {"card", "#ffffff", "#8fb0de", "#0f151c", "#47709f"},
    {"accent", "#2360b8", "", "#79b0f5", ""},
    {"soft", "#c3d8f3", "", "#2c4b70", ""},
    {"track", "#e3e6ea", "", "#2c3540", ""},
    {"wait", "#ffffff", "#8b95a2", "#10161d", "#6b7786", "stroke-dasharray:3 2"},
    {"shared", none, "#2360b8", none, "#79b0f5", "stroke-dasharray:6 4"},
    {"spine", none, "#2360b8", none, "#79b0f5", "stroke-width:2;stroke-linecap:round"},
    {"grid", none, "#e3e6eb", none, "#252e39"},
    {"leader", none, "#7f8a97", none, "#74808e"},
    {"call", "#5b6673", "", "#a2aebb", ""},
    {"failed", "#b3400e", "", "#f2a56a", ""},
    {"tear", none, "#9aa3af", none, "#5d6977"},
    {"ink", "#1a212a", "", "#e8edf3", ""},
    {"muted", "#4d5763", "", "#a9b4c1", ""},
    {"accent-ink", "#1d529e", "", "#8fbefa", ""},
    {"failed-ink", "#9c370b", "", "#f5b27f", ""},
    {"on-accent", "#ffffff", "", "#08111d", ""},
};

std::string rule(const Tone& tone, std::string_view fill, std::string_view stroke, std::string_view more) {
  std::string declarations;
  if (!fill.empty()) declarations += format("fill:{};", fill);
  if (!stroke.empty()) declarations += format("stroke:{};", stroke);
  declarations += more;
  if (declarations.ends_with(';')) declarations.pop_back();
  return format(".{}{{{}}}\n", tone.name, declarations);
}

}  // namespace

std::string style_sheet(const std::set<std::string, std::less<>>& used) {
  std::string light, dark;
  for (const auto& name : used)
    if (std::ranges::find(tones, name, &Tone::name) == std::end(tones))
      throw std::logic_error("no such tone: " + name);
  for (const auto& tone : tones) {
    if (!used.contains(tone.name)) continue;
    light += rule(tone, tone.fill, tone.stroke, tone.shape);
    dark += rule(tone, tone.dark_fill == none ? "" : tone.dark_fill, tone.dark_stroke, "");
  }
  return "svg{color-scheme:light dark;background:#ffffff;max-width:100%;height:auto}\n"
         "text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
         ".bold{font-weight:600}\n"
         ".code{font-family:ui-monospace,\"SF Mono\",Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\n" +
         light + "@media (prefers-color-scheme:dark){\nsvg{background:#0d1218}\n" + dark + "}\n";
}

}  // namespace tare::picture
