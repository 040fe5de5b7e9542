#include "oci/reference.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare::oci {
namespace {

constexpr std::string_view default_domain = "docker.io", old_default_domain = "index.docker.io",
                           official = "library/";
constexpr std::size_t longest_repository = 255, longest_tag = 128;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; }

[[noreturn]] void refuse(std::string_view text, std::string_view why = {}) {
  throw Error(ErrorKind::invalid,
              format("invalid reference format{}{}: \"{}\"", why.empty() ? "" : ": ", why, text), 0,
              "an image is named like busybox, busybox:1.36 or registry.example:5000/tools/jq@sha256:…");
}

// Between two letters or digits: one point, one or two underscores, or any number of hyphens.
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && text.find_first_not_of('-') == text.npos);
}

bool is_path_component(std::string_view text) {
  const auto is_plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !is_plain(text.front()) || !is_plain(text.back())) return false;
  while (!text.empty()) {
    text.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin()));
    const auto size = static_cast<std::size_t>(std::ranges::find_if(text, is_plain) - text.begin());
    if (size > 0 && !is_separator(text.substr(0, size))) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {  // an IPv6 address
    const auto is_part = [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    };
    return text.ends_with(']') && text.size() > 2 &&
           std::ranges::all_of(text.substr(1, text.size() - 2), is_part);
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::string_view label = text.substr(at, text.find('.', at) - at);
    const auto is_plain = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c); };
    if (label.empty() || !is_plain(label.front()) || !is_plain(label.back()) ||
        !std::ranges::all_of(label, [&](char c) { return is_plain(c) || c == '-'; }))
      return false;
    at += label.size() + 1;
  }
  return true;
}

bool is_domain(std::string_view text) {
  const auto colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  if (colon == text.npos) return is_host(text);
  const std::string_view port = text.substr(colon + 1);
  return is_host(text.substr(0, colon)) && !port.empty() && std::ranges::all_of(port, is_digit);
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= longest_tag && is_word(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

// Whether what stands before the first slash is a registry, and no part of the path.
bool names_registry(std::string_view first) {
  return first.find_first_of(".:[") != first.npos || first == "localhost" ||
         std::ranges::any_of(first, is_upper);
}

bool is_hex_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string Reference::short_repository() const {
  if (domain != default_domain) return repository();
  return path.starts_with(official) && path.find('/', official.size()) == path.npos
             ? path.substr(official.size())
             : path;
}

std::string Reference::text() const {
  return repository() + (tag.empty() ? "" : ":" + tag) + (digest ? "@" + digest->value : "");
}

std::string Reference::short_text() const {
  return short_repository() + (tag.empty() ? "" : ":" + tag) + (digest ? "@" + digest->value : "");
}

Reference parse_reference(std::string_view text) {
  if (is_hex_id(text)) refuse(text, "cannot specify 64-byte hexadecimal strings");
  Reference reference;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != rest.npos) {
    reference.digest = parse_digest(rest.substr(at + 1));
    if (!reference.digest) refuse(text, "a digest is sha256: and 64 hexadecimal digits");
    rest = rest.substr(0, at);
  }
  if (const auto slash = rest.find('/'); slash != rest.npos && names_registry(rest.substr(0, slash))) {
    reference.domain = rest.substr(0, slash);
    if (!is_domain(reference.domain)) refuse(text);
    rest.remove_prefix(slash + 1);
  }
  if (const auto colon = rest.rfind(':'); colon != rest.npos && rest.find('/', colon) == rest.npos) {
    reference.tag = rest.substr(colon + 1);
    if (!is_tag(reference.tag)) refuse(text, "a tag has letters, digits, '_', '.' and '-', at most 128");
    rest = rest.substr(0, colon);
  }
  if (reference.domain.empty() || reference.domain == old_default_domain) reference.domain = default_domain;
  if (std::ranges::any_of(rest, is_upper))
    refuse(text, format("repository name ({}) must be lowercase", rest));
  for (std::string_view path = rest;;) {
    const auto slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) refuse(text);
    if (slash == path.npos) break;
    path.remove_prefix(slash + 1);
  }
  const bool is_official = reference.domain == default_domain && rest.find('/') == rest.npos;
  reference.path = is_official ? std::string(official).append(rest) : std::string(rest);
  if (reference.repository().size() > longest_repository)
    refuse(text, format("repository name must not be more than {} characters", longest_repository));
  return reference;
}

Reference parse_tagged_reference(std::string_view text) {
  Reference reference = parse_reference(text);
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  return reference;
}

Reference parse_name_to_give(std::string_view text) {
  Reference reference = parse_tagged_reference(text);
  if (reference.digest)
    throw Error(ErrorKind::invalid, format("\"{}\" is not a name to give: it has a digest", text), 0,
                "give a name and a tag");
  return reference;
}

}  // namespace tare::oci
