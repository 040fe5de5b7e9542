#include "registry/client.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "archive/compression.h"
#include "base/error.h"
#include "base/format.h"
#include "registry/printable.h"
#include "registry/refusal.h"

namespace tare::registry {
namespace {

constexpr Bytes largest_list = Bytes{16} << 20;

std::string accepted_manifests() {
  using namespace oci::media_type;
  return format("Accept: {}, {}, {}, {}, */*;q=0.1", index, manifest, docker_index, docker_manifest);
}

// "text/html; charset=utf-8" without what follows.
std::string without_parameters(std::string_view media_type) {
  std::string_view bare = media_type.substr(0, media_type.find(';'));
  while (bare.ends_with(' ')) bare.remove_suffix(1);
  return std::string(bare);
}

// What the header says; of servers that serve files (or nothing of it), what the text says.
std::string media_type_of(const Response& response) {
  std::string said = without_parameters(response.header("content-type"));
  if (oci::is_manifest(said) || oci::is_index(said) || response.body.empty()) return said;
  try {
    const json::value document = json::parse(response.body);
    if (const auto* inside = json::part(document, "mediaType").if_string()) return std::string(*inside);
    if (json::part(document, "manifests").is_array()) return std::string(oci::media_type::index);
    if (json::part(document, "layers").is_array()) return std::string(oci::media_type::manifest);
  } catch (const Error&) {
    // What it is not will be said by whoever reads it.
  }
  return said;
}

std::string pull_scope(std::string_view path) { return format("repository:{}:pull", path); }

Servers servers_of(const std::string& domain, const std::string& path, const Settings& settings, Http& http) {
  Servers servers;
  for (Endpoint& endpoint : settings.hosts.endpoints(domain)) {
    Authorization authorization(http, settings.hosts, settings.ask, endpoint.domain, path);
    servers.push_back({.endpoint = std::move(endpoint), .authorization = std::move(authorization)});
  }
  return servers;
}

}  // namespace

Settings default_settings() {
  return {.hosts = Hosts(host_places()), .ask = [](const std::string& domain, const std::string& path) {
            return find_credentials(credential_files(), domain, path);
          }};
}

void ask_beforehand(Settings& settings, const oci::Reference& image) {
  std::map<std::string, Credentials> known;
  if (settings.ask)
    for (const auto& endpoint : settings.hosts.endpoints(image.domain))
      known[endpoint.domain] = settings.ask(endpoint.domain, image.path);
  settings.ask = [known](const std::string& domain, const std::string&) {
    const auto found = known.find(domain);
    return found == known.end() ? Credentials() : found->second;
  };
}

Client::Client(oci::Reference image, Settings settings)
    : image_(std::move(image)),
      settings_(std::move(settings)),
      http_(settings_.patience, settings_.watch),
      servers_(servers_of(image_.domain, image_.path, settings_, http_)),
      repository_{.path = image_.path, .shown = image_.short_repository(), .scope = pull_scope(image_.path)} {
}

std::string Client::own_reference(std::string_view tag_or_digest) const {
  if (!tag_or_digest.empty()) return std::string(tag_or_digest);
  if (image_.digest) return image_.digest->value;
  return image_.tag.empty() ? "latest" : image_.tag;
}

std::string Client::name(std::string_view tag_or_digest) const {
  return repository_.shown + (tag_or_digest.contains(':') ? "@" : ":") + std::string(tag_or_digest);
}

std::string Client::target(std::string_view kind, std::string_view rest) const {
  return format("/v2/{}/{}/{}", image_.path, kind, rest);
}

Exchange Client::perform(Call call) {
  if (call.scope.empty()) call.scope = repository_.scope;
  Exchange exchange(http_, settings_.hosts, servers_, std::move(call));
  complete(http_, exchange);
  return exchange;
}

void Client::refuse(const Exchange& exchange, std::string_view verb, std::string object) const {
  registry::refuse(exchange.response(),
                   {.verb = std::string(verb), .object = std::move(object), .repository = repository_.shown},
                   exchange.server().endpoint.domain);
}

Document Client::get_manifest(std::string_view tag_or_digest) {
  const std::string reference = own_reference(tag_or_digest);
  const Exchange exchange = perform({.target = target("manifests", reference),
                                     .headers = {accepted_manifests()},
                                     .most = oci::largest_manifest});
  const Response& response = exchange.response();
  if (!response.is_success()) refuse(exchange, "pull", "manifest of " + name(reference));
  Document document{.media_type = media_type_of(response),
                    .digest = archive::digest_of(response.body),
                    .text = response.body};
  const auto asked = oci::parse_digest(reference);
  const auto told = oci::parse_digest(response.header("docker-content-digest"));
  const auto& wanted = asked ? asked : told;
  if (!wanted || *wanted == document.digest) return document;
  if (exchange.abandon_mirror()) return get_manifest(reference);
  throw Error(ErrorKind::invalid,
              format("manifest of {}: {} sends one with the digest {} in place of {}", name(reference),
                     exchange.server().endpoint.domain, document.digest.value, wanted->value));
}

std::optional<DocumentHead> Client::head_manifest(std::string_view tag_or_digest) {
  const std::string reference = own_reference(tag_or_digest);
  const Exchange exchange = perform(
      {.method = Method::head, .target = target("manifests", reference), .headers = {accepted_manifests()}});
  const Response& response = exchange.response();
  if (response.failure == Failure::none && response.status == 404) return std::nullopt;
  if (!response.is_success()) refuse(exchange, "pull", "manifest of " + name(reference));
  const auto digest = oci::parse_digest(response.header("docker-content-digest"));
  const std::string_view length = response.header("content-length");
  Bytes size = -1;
  std::from_chars(length.data(), length.data() + length.size(), size);
  if (digest && size >= 0)
    return DocumentHead{.media_type = media_type_of(response), .digest = *digest, .size = size};
  // A registry need not say so much (distribution-spec: SHOULD).
  const Document whole = get_manifest(reference);
  return DocumentHead{
      .media_type = whole.media_type, .digest = whole.digest, .size = static_cast<Bytes>(whole.text.size())};
}

void Client::fetch(std::span<const Fetch> blobs) {
  download(http_, settings_.hosts, servers_, repository_, blobs, settings_.at_once);
}

std::string Client::get_blob(const oci::Digest& digest, Bytes size, Bytes most) {
  if (size > most)
    throw Error(ErrorKind::invalid, format("blob {} of {} has {} bytes; no more than {} are read",
                                           digest.value, repository_.shown, size, most));
  std::string text;
  const Fetch one{.digest = digest, .size = size, .take = [&](std::string_view bytes) {
                    text += bytes;
                    return bytes.size();
                  }};
  fetch({&one, 1});
  return text;
}

bool Client::has_blob(const oci::Digest& digest) {
  const Exchange exchange = perform({.method = Method::head,
                                     .target = target("blobs", digest.value),
                                     .asked = Asked::registry_alone,
                                     .scope = pull_scope(image_.path) + ",push"});
  const Response& response = exchange.response();
  if (response.failure == Failure::none && response.status == 404) return false;
  if (!response.is_success()) refuse(exchange, "push", "blob " + digest.value + " to " + repository_.shown);
  return true;
}

std::vector<std::string> Client::tags() {
  const auto lists = pages(target("tags", "list"), "application/json", "the list of tags");
  std::vector<std::string> all;
  if (!lists)
    throw Error(ErrorKind::not_found, format("{} not found at {}", repository_.shown, image_.domain));
  for (const json::value& list : *lists) {
    const json::value& tags = json::part(list, "tags");
    if (tags.is_null()) continue;  // Go's empty list
    if (!tags.is_array())
      throw Error(ErrorKind::invalid, format("{} answers without a list of tags", image_.domain));
    for (const json::value& tag : tags.get_array())
      if (const auto* text = tag.if_string()) all.emplace_back(*text);
  }
  return all;
}

std::optional<std::vector<json::value>> Client::pages(std::string next, std::string_view accept,
                                                      std::string_view what) {
  constexpr int most_pages = 1000;
  std::vector<json::value> all;
  for (int page = 0; !next.empty(); page++) {
    const Exchange exchange = perform({.target = next,
                                       .asked = Asked::registry_alone,
                                       .headers = {format("Accept: {}", accept)},
                                       .most = largest_list});
    const Response& response = exchange.response();
    if (response.failure == Failure::none && response.status == 404 && page == 0) return std::nullopt;
    if (!response.is_success()) refuse(exchange, "pull", format("{} of {}", what, repository_.shown));
    try {
      all.push_back(json::parse(response.body));
    } catch (const Error& error) {
      throw Error(ErrorKind::invalid, format("{} of {}, as {} sends it: {}", what, repository_.shown,
                                             image_.domain, error.text()));
    }
    const std::string link = response.joined_header("link");
    const std::string_view after = next_link(link);
    const auto url = after.empty() ? std::nullopt : try_resolve(response.url, after);
    // Another server's pages are nobody's.
    next = url && url->origin() == response.url.origin() && page < most_pages ? url->text : "";
  }
  return all;
}

std::vector<oci::Descriptor> Client::referrers(const oci::Digest& digest, std::string_view artifact_type) {
  std::string next = target("referrers", digest.value);
  if (!artifact_type.empty()) next = with_query(next, {{"artifactType", std::string(artifact_type)}});
  auto lists = pages(std::move(next), oci::media_type::index, "the list of referrers");
  if (!lists)
    lists = pages(target("manifests", "sha256-" + std::string(digest.hex())), oci::media_type::index,
                  "the list of referrers");
  std::vector<oci::Descriptor> all;
  if (!lists) return all;
  for (const json::value& list : *lists) {
    if (!json::part(list, "manifests").is_array())
      throw Error(ErrorKind::invalid, format("{} answers without a list of referrers", image_.domain));
    for (const json::value& one : json::part(list, "manifests").get_array()) {
      // A registry need not heed the kind, and the tag knows none.
      const auto* type = json::part(one, "artifactType").if_string();
      if (artifact_type.empty() || (type && std::string_view(*type) == artifact_type))
        all.push_back(oci::parse_descriptor(one));
    }
  }
  return all;
}

void check_login(const std::string& domain, const Settings& settings) {
  Http http(settings.patience, settings.watch);
  Servers servers = servers_of(domain, {}, settings, http);
  Exchange exchange(http, settings.hosts, servers, {.target = "/v2/", .asked = Asked::registry_alone});
  complete(http, exchange);
  const Response& response = exchange.response();
  if (response.is_success()) return;
  if (response.failure == Failure::none && (response.status == 401 || response.status == 403))
    throw Error(ErrorKind::system,
                format("{} does not accept the user name and password{}", domain, words_of(response)));
  refuse(response, format("cannot log in to {}", domain), domain);
}

}  // namespace tare::registry
