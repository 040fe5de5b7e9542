// What each capability allows, in one line.
#pragma once

#include <string>
#include <string_view>

namespace tare::explain {

/// "CAP_CHOWN"; "CAP_41" for one that is newer than this table.
std::string capability_name(int number);
/// "change the owner of any file"; empty for one that is newer.
std::string_view capability_words(int number);

}  // namespace tare::explain
