// Random names.
#pragma once

#include <cstddef>
#include <string>

namespace tare::sys {

/// So many bytes of getrandom(2), as lower-case hexadecimal digits.
std::string random_hex(std::size_t bytes);

}  // namespace tare::sys
