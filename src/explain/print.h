// A container for people.
#pragma once

#include <string>

#include "explain/container.h"

namespace tare::explain {

/// Sections of lines; nothing in them can speak to a terminal (pure).
std::string print(const Container& container);

/// "its own", "the host's", "shared with db, web" (pure).
std::string sharing_words(const Namespace& one);
/// A line for each limit that there is and what is used: a name and words (pure).
std::vector<std::pair<std::string, std::string>> limit_rows(const Limits& limits);

}  // namespace tare::explain
