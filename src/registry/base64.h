// Base64 with padding (RFC 4648, 4): how names and passwords are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tare::registry {

std::string to_base64(std::string_view bytes);
/// nullopt: it is none. Padding may be missing.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace tare::registry
