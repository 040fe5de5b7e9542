// Signals by name.
#pragma once

#include <string>

namespace tare::sys {

/// "TERM", "sigterm", "15"; the number. Throws Error{invalid} that names the text.
int parse_signal(const std::string& text);

}  // namespace tare::sys
