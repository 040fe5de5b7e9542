// What is said of an answer that is none: one line that names the registry and what it was asked about.
#pragma once

#include <string>
#include <string_view>

#include "registry/http.h"

namespace tare::registry {

/// ": " and the messages of a registry's errors (distribution-spec, Error Codes), made printable; empty where
/// there are none.
std::string words_of(const Response& response);

/// Throws for any failure and status: "WHAT: the server SERVER …". Error{system} but for an answer that is
/// too long (Error{invalid}); with a hint where there is something to be done about it.
[[noreturn]] void refuse(const Response& response, std::string_view what, std::string_view server);

struct Attempt {
  std::string verb;        ///< "pull", "push"
  std::string object;      ///< "manifest of busybox:1"
  std::string repository;  ///< "busybox"
};
/// The same for one that was about a repository: what is missing is Error{not_found}, and who may not says so
/// in docker's manner: a registry does not tell a stranger what there is.
[[noreturn]] void refuse(const Response& response, const Attempt& attempt, std::string_view server);

}  // namespace tare::registry
