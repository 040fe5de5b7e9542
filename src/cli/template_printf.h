// printf as Go's fmt has it, for templates.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/template_functions.h"

namespace tare::cli {

/// The verbs %v %s %q %d %x %X %o %b %c %t %f %e %g %%, with flags, width and precision; a mismatch shows in
/// the text as in Go: `%!d(string=x)`, `%!s(MISSING)`.
std::string format_as_go(std::string_view pattern, std::span<const TemplateValue> arguments);

}  // namespace tare::cli
