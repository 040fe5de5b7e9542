// What a server is told so that it answers: a name and password (Basic), or a token that another server gives
// for them (distribution's spec/auth/token.md and oauth.md).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "registry/credentials.h"
#include "registry/hosts.h"
#include "registry/http.h"
#include "registry/www_authenticate.h"

namespace tare::registry {

/// Asked when a server wants to know: of a domain, and below it the repository's path (empty: the registry as
/// a whole).
using AskCredentials = std::function<Credentials(const std::string& domain, const std::string& path)>;

/// What is to be done, as tokens have it: "repository:library/busybox:pull", several with blanks between
/// them; empty: to be let in.
using Scope = std::string;

class Authorization {
 public:
  /// To one server, about one repository. All but the texts outlive it.
  Authorization(Http& http, const Hosts& hosts, const AskCredentials& ask, std::string domain,
                std::string path);

  /// "Authorization: …" as far as anything is known that fits; empty: nothing is.
  std::string header(const Scope& scope) const;
  /// Learns from an answer 401 to `url`. False: there is nothing more that could be said. Throws
  /// Error{system} when a token's server refuses or talks nonsense, naming it.
  bool learn(const Response& refusal, const Scope& scope);

 private:
  const Credentials& credentials();
  std::optional<std::string> token(const Challenge& challenge, const Scope& scope, const Url& server);
  Request token_request(const Challenge& challenge, const Scope& scope, const Url& realm);

  Http& http_;
  const Hosts& hosts_;
  const AskCredentials& ask_;
  std::string domain_, path_;
  std::optional<Credentials> credentials_;
  std::map<Scope, std::string> tokens_;
  bool is_basic_ = false;
};

}  // namespace tare::registry
