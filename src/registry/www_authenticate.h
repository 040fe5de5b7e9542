// What a server wants to be told before it answers: the header WWW-Authenticate (RFC 9110, 11.6.1; RFC 7235
// before it). Pure; the text comes from strangers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tare::registry {

struct Challenge {
  std::string scheme;                                           ///< in small letters: "basic", "bearer"
  std::string token;                                            ///< "Negotiate abc=": what stands alone
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in small letters

  /// The first of that name; empty where there is none.
  std::string_view parameter(std::string_view name) const;
};

/// The challenges of one header, in its order. Never throws but for want of memory: from where a text stops
/// making sense it is left alone, and what was understood before counts.
std::vector<Challenge> parse_challenges(std::string_view header);

/// The first with that scheme (in small letters); nullptr: there is none.
const Challenge* find_challenge(const std::vector<Challenge>& challenges, std::string_view scheme);

}  // namespace tare::registry
