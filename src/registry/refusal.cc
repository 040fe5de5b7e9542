#include "registry/refusal.h"

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "registry/printable.h"

namespace tare::registry {
namespace {

constexpr std::size_t most_messages = 3;

[[noreturn]] void refuse_failure(const Response& response, std::string_view what, std::string_view server) {
  const std::string words = printable(response.words);
  switch (response.failure) {
    case Failure::none: break;
    case Failure::unreachable:
      if (response.error_number != 0)
        throw system_error(response.error_number, format("{}: cannot reach {}", what, server));
      throw Error(ErrorKind::system, format("{}: cannot reach {}: {}", what, server, words));
    case Failure::no_tls:
      throw Error(ErrorKind::system, format("{}: no TLS with {}: {}", what, server, words), 0,
                  format("if it speaks plain HTTP: {{\"{}\": {{\"insecure\": true}}}} in "
                         "/etc/tare/registries.json",
                         server));
    case Failure::untrusted:
      throw Error(ErrorKind::system, format("{}: {} cannot be trusted: {}", what, server, words), 0,
                  format("put its authority's certificate into /etc/docker/certs.d/{}/ca.crt, or "
                         "{{\"{}\": {{\"insecure\": true}}}} into /etc/tare/registries.json",
                         server, server));
    case Failure::stalled:
      throw Error(ErrorKind::system, format("{}: {} does not answer any more: {}", what, server, words));
    case Failure::cut_off:
    case Failure::broken:
      throw Error(ErrorKind::system, format("{}: the connection to {} broke: {}", what, server, words));
    case Failure::too_large:
      throw Error(ErrorKind::invalid, format("{}: the answer of {} is too long", what, server));
    case Failure::local: break;
  }
  throw Error(ErrorKind::system, format("{}: cannot talk to {}: {}", what, server, words));
}

}  // namespace

std::string words_of(const Response& response) {
  json::value said;
  try {
    said = json::parse(response.body);
  } catch (const Error&) {
    return {};
  }
  std::string words;
  std::size_t count = 0;
  if (const auto* errors = json::part(said, "errors").if_array())
    for (const json::value& error : *errors) {
      const auto* message = json::part(error, "message").if_string();
      if (!message || message->empty()) message = json::part(error, "code").if_string();
      if (!message || count++ == most_messages) continue;
      words += (words.empty() ? ": " : "; ") + printable(*message, 150);
    }
  // What servers of tokens, and GitHub, say in their own way.
  for (const std::string_view name : {"details", "message", "error_description", "error"})
    if (const auto* message = json::part(said, name).if_string(); message && words.empty())
      words = ": " + printable(*message);
  return words;
}

void refuse(const Response& response, std::string_view what, std::string_view server) {
  if (response.failure != Failure::none) refuse_failure(response, what, server);
  if (response.status == 429)
    throw Error(ErrorKind::system, format("{}: {} is asked too often{}", what, server, words_of(response)), 0,
                "wait a while, or log in: tare login");
  throw Error(ErrorKind::system,
              format("{}: {} answers {}{}", what, server, response.status, words_of(response)));
}

void refuse(const Response& response, const Attempt& attempt, std::string_view server) {
  const bool is_answer = response.failure == Failure::none;
  if (is_answer && (response.status == 401 || response.status == 403))
    throw Error(ErrorKind::system,
                format("{} access denied for {}: {}{}", attempt.verb, attempt.repository,
                       attempt.verb == "pull" ? "the repository does not exist or needs a login"
                                              : "the registry wants another login",
                       words_of(response)),
                0, format("tare login {}", server));
  if (is_answer && response.status == 404)
    throw Error(ErrorKind::not_found,
                format("{} not found at {}{}", attempt.object, server, words_of(response)));
  refuse(response, format("cannot {} {}", attempt.verb, attempt.object), server);
}

}  // namespace tare::registry
