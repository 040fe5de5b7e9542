// What is said of an answer that is none: one line that names the registry and what it was asked about.
#pragma once

#include <string>
#include <string_view>

#include "registry/http.h"

namespace tare::registry {

/// ": " and the messages of a registry's errors (distribution-spec, Error Codes), made printable; empty where
/// there are none.
std::string words_of(const Response& response);

/// Throws for a failure or a status that means none of what the caller knows: "WHAT: the server SERVER …".
/// Error{system}, with a hint where there is something to be done about it.
[[noreturn]] void refuse(const Response& response, std::string_view what, std::string_view server);

}  // namespace tare::registry
