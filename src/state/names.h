// Container names.
#pragma once

#include <string>
#include <string_view>

namespace tare::state {

/// [a-zA-Z0-9][a-zA-Z0-9_.-]+, as docker has it; at most 255 bytes.
bool is_name(std::string_view name);

/// "quiet_harbour": an adjective and a noun, at random.
std::string random_name();

}  // namespace tare::state
