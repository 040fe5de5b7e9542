#include "registry/authorization.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/base64.h"
#include "registry/printable.h"
#include "registry/refusal.h"

namespace tare::registry {
namespace {

constexpr Bytes largest_answer = 1 << 20;
constexpr std::size_t longest_token = 64 << 10;

// What can stand in a header (RFC 6750, 2.1, and a little more), so that no token is a header of its own.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= longest_token &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string text_of(const json::value& answer, std::string_view name) {
  const auto* text = json::part(answer, name).if_string();
  return text ? std::string(*text) : std::string();
}

std::string token_in(const Response& answer, const std::string& server) {
  json::value said;
  try {
    said = json::parse(answer.body);
  } catch (const Error&) {
    throw Error(ErrorKind::system, format("{} gives tokens, but its answer is no JSON", server));
  }
  std::string token = text_of(said, "token");
  if (token.empty()) token = text_of(said, "access_token");
  if (!is_token(token))
    throw Error(ErrorKind::system,
                format("{} gives tokens, but {} in its answer", server,
                       token.empty() ? "there is none" : "there is none that can be sent"));
  return token;
}

// Ours, and what the challenge names besides.
std::vector<std::string> scopes_of(const Challenge& challenge, const Scope& scope) {
  std::vector<std::string> all;
  for (const std::string_view text : {std::string_view(scope), challenge.parameter("scope")})
    for (std::string& one : split(text, ' '))
      if (!one.empty() && std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
  // "…:pull" asks for nothing more where "…:pull,push" is asked for.
  std::erase_if(all, [&](const std::string& one) {
    return std::ranges::any_of(all, [&](const std::string& other) { return other.starts_with(one + ","); });
  });
  return all;
}

}  // namespace

Authorization::Authorization(Http& http, const Hosts& hosts, const AskCredentials& ask, std::string domain,
                             std::string path)
    : http_(http), hosts_(hosts), ask_(ask), domain_(std::move(domain)), path_(std::move(path)) {}

const Credentials& Authorization::credentials() {
  if (!credentials_) credentials_ = ask_ ? ask_(domain_, path_) : Credentials{};
  return *credentials_;
}

std::string Authorization::header(const Scope& scope) const {
  if (const auto found = tokens_.find(scope); found != tokens_.end())
    return "Authorization: Bearer " + found->second;
  if (is_basic_)
    return "Authorization: Basic " + to_base64(credentials_->user + ":" + credentials_->password);
  return {};
}

bool Authorization::learn(const Response& refusal, const Scope& scope) {
  tokens_.erase(scope);  // it has expired, or is not enough
  const auto challenges = parse_challenges(refusal.joined_header("www-authenticate"));
  if (const Challenge* bearer = find_challenge(challenges, "bearer")) {
    const auto found = token(*bearer, scope, refusal.url);
    if (!found) return false;
    tokens_[scope] = *found;
    return true;
  }
  if (!find_challenge(challenges, "basic") || is_basic_ || credentials().user.empty()) return false;
  is_basic_ = true;
  return true;
}

std::optional<std::string> Authorization::token(const Challenge& challenge, const Scope& scope,
                                                const Url& server) {
  if (is_token(credentials().registry_token)) return credentials().registry_token;
  const auto realm = try_resolve(server, challenge.parameter("realm"));
  if (!realm || challenge.parameter("realm").empty())
    throw Error(ErrorKind::system, format("the registry {} does not say where tokens are", domain_));
  // What was told under TLS goes nowhere without it.
  if (server.scheme == "https" && realm->scheme != "https")
    throw Error(ErrorKind::system, format("the registry {} wants credentials to be sent unprotected to {}",
                                          domain_, realm->domain));
  const Response answer = http_.perform_patiently(token_request(challenge, scope, *realm));
  if (answer.is_success()) return token_in(answer, realm->domain);
  if (answer.failure == Failure::none && (answer.status == 401 || answer.status == 403)) {
    if (credentials().is_empty()) return std::nullopt;
    throw Error(
        ErrorKind::system,
        format("{} does not accept the credentials for {}{}", realm->domain, domain_, words_of(answer)), 0,
        format("log in again: tare login {}", domain_));
  }
  refuse(answer, format("no token for {}", domain_), realm->domain);
}

Request Authorization::token_request(const Challenge& challenge, const Scope& scope, const Url& realm) {
  const Credentials& known = credentials();
  const auto scopes = scopes_of(challenge, scope);
  const std::string service(challenge.parameter("service"));
  Request request{.url = realm, .trust = hosts_.trust(realm.domain), .most = largest_answer};
  if (!known.identity_token.empty()) {
    std::string all;
    for (const std::string& one : scopes) all += (all.empty() ? "" : " ") + one;
    request.method = Method::post;
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body = to_text({{"grant_type", "refresh_token"},
                            {"service", service},
                            {"client_id", "tare"},
                            {"scope", all},
                            {"refresh_token", known.identity_token}});
    return request;
  }
  Query query;
  if (!service.empty()) query.emplace_back("service", service);
  for (const std::string& one : scopes) query.emplace_back("scope", one);
  if (!known.user.empty()) {
    query.emplace_back("account", known.user);
    request.headers = {"Authorization: Basic " + to_base64(known.user + ":" + known.password)};
  }
  const auto url = try_parse_url(with_query(realm.text, query));
  if (url) request.url = *url;
  return request;
}

}  // namespace tare::registry
