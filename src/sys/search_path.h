// Where programs are looked for: PATH.
#pragma once

#include <string_view>

namespace tare::sys {

/// Whether execvp(3) would find the program.
bool is_in_path(std::string_view program);

}  // namespace tare::sys
