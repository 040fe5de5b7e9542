// What a program was built for: system, machine and its variant, by Go's names (image-spec, image-index.md).
#pragma once

#include <string>
#include <string_view>

namespace tare::oci {

struct Platform {
  std::string os, architecture, variant;
  bool operator==(const Platform&) const = default;
};
/// "linux/arm64/v8": what Go calls the machine and the system.
std::string text_of(const Platform& platform);
/// "OS[/ARCHITECTURE[/VARIANT]]", or an architecture alone. Throws Error{invalid}.
Platform parse_platform(std::string_view text);
/// Of the programs that run here.
Platform own_platform();
/// Whether what is built for `offered` runs where `wanted` is asked for: without a variant any will do, and
/// arm64 is its v8.
bool fits(const Platform& offered, const Platform& wanted);

}  // namespace tare::oci
