// Text with values in it: fmt::format under the project's own name.
#pragma once

#include <fmt/core.h>

namespace tare {

using fmt::format;

}  // namespace tare
