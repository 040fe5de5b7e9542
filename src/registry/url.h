// URLs: taken apart, put together. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tare::registry {

struct Url {
  std::string text;
  std::string scheme;  ///< "https" or "http"
  std::string domain;  ///< host and, where it is not the scheme's own, port: "a.example", "[::1]:5000"
  std::string path;    ///< and query: "/v2/?n=1"; at least "/"

  std::string origin() const { return scheme + "://" + domain; }
};

/// nullopt: it is no URL of http or https, or has a user's name in it.
std::optional<Url> try_parse_url(std::string_view text);
/// What a Location or Link says to one who asked for `base` (RFC 3986, 5); nullopt as above.
std::optional<Url> try_resolve(const Url& base, std::string_view location);

/// All but letters, digits and "-._~" as %XX (RFC 3986, 2.3).
std::string percent_encode(std::string_view text);
using Query = std::vector<std::pair<std::string_view, std::string>>;
/// "a=1&b=2", as a form is sent, too.
std::string to_text(const Query& query);
/// The URL with these behind whatever query it has.
std::string with_query(std::string url, const Query& query);

/// Of a header Link (RFC 8288), the first with rel="next"; empty: there is none.
std::string_view next_link(std::string_view header);

}  // namespace tare::registry
