// Text from a container for a person's terminal.
#pragma once

#include <string>
#include <string_view>

namespace tare::explain {

/// Control characters (C1, DEL and those that turn the direction of writing, too) and bytes that belong to no
/// character as \xNN, a backslash as two: nothing in it can speak to the terminal, and nothing is lost.
std::string shown(std::string_view text);

/// The same for JSON that was written already: what a terminal would obey there becomes \uNNNN.
std::string shown_json(std::string_view json);

}  // namespace tare::explain
