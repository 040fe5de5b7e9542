#include "registry/url.h"

#include <curl/curl.h>
#include <memory>

#include "base/format.h"

namespace tare::registry {
namespace {

using Handle = std::unique_ptr<CURLU, decltype([](CURLU* handle) { ::curl_url_cleanup(handle); })>;

std::optional<std::string> part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (::curl_url_get(handle, which, &text, flags) != CURLUE_OK || !text) return std::nullopt;
  std::string copy(text);
  ::curl_free(text);
  return copy;
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
  return !text.empty();
}

std::optional<Url> read(CURLU* handle) {
  if (part(handle, CURLUPART_USER) || part(handle, CURLUPART_PASSWORD)) return std::nullopt;
  const auto scheme = part(handle, CURLUPART_SCHEME), host = part(handle, CURLUPART_HOST),
             path = part(handle, CURLUPART_PATH), query = part(handle, CURLUPART_QUERY),
             port = part(handle, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  if (!scheme || !host || host->empty() || (*scheme != "https" && *scheme != "http")) return std::nullopt;
  Url url{.scheme = *scheme, .domain = *host + (port ? ":" + *port : ""), .path = path.value_or("/")};
  for (char& c : url.domain)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (query) url.path += "?" + *query;
  url.text = url.origin() + url.path;
  return url;
}

}  // namespace

std::optional<Url> try_parse_url(std::string_view text) {
  const Handle handle(::curl_url());
  if (!handle || !is_plain(text) || text.find("://") == text.npos ||
      ::curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return read(handle.get());
}

std::optional<Url> try_resolve(const Url& base, std::string_view location) {
  const Handle handle(::curl_url());
  if (!handle || !is_plain(location) ||
      ::curl_url_set(handle.get(), CURLUPART_URL, base.text.c_str(), 0) != CURLUE_OK ||
      ::curl_url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return read(handle.get());
}

std::string percent_encode(std::string_view text) {
  std::string coded;
  for (const char c : text) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         std::string_view("-._~").contains(c);
    coded += is_kept ? std::string(1, c) : format("%{:02X}", static_cast<unsigned char>(c));
  }
  return coded;
}

std::string to_text(const Query& query) {
  std::string text;
  for (const auto& [name, value] : query)
    text += (text.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  return text;
}

std::string with_query(std::string url, const Query& query) {
  if (query.empty()) return url;
  url += url.contains('?') ? '&' : '?';
  return url + to_text(query);
}

std::string_view next_link(std::string_view header) {
  while (!header.empty()) {
    const auto open = header.find('<'), close = header.find('>', open == header.npos ? 0 : open);
    if (open == header.npos || close == header.npos) return {};
    const std::string_view link = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    const std::string_view parameters = header.substr(0, header.find('<'));
    for (const std::string_view next : {"rel=\"next\"", "rel=next"})
      if (parameters.contains(next)) return link;
  }
  return {};
}

}  // namespace tare::registry
