// Signals by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tare::sys {

/// "TERM", "sigterm", "15", "RTMIN+3"; the number. Throws Error{invalid} that names the text.
int parse_signal(const std::string& text);

/// "HUP" and so on, without those of real time.
std::vector<std::string_view> signal_names();

}  // namespace tare::sys
