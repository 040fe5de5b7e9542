// Variables of the command's environment, which a bash has to hand over.
#pragma once

#include <string_view>

namespace tare::script {

/// "A" of "A=b".
std::string_view name_of(std::string_view variable);

/// Bash takes it for one of its own. Any other text is passed on untouched when bash finds it in its
/// environment.
bool is_shell_variable(std::string_view variable);

/// It cannot be exported with this value, whatever is done: it cannot be written to, or is an array.
bool is_kept_by_bash(std::string_view variable);

}  // namespace tare::script
