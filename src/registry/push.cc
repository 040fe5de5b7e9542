// What a client sends (distribution-spec, "Push").
#include "archive/compression.h"
#include "base/error.h"
#include "base/format.h"
#include "registry/client.h"
#include "registry/printable.h"

namespace tare::registry {
namespace {

// A registry may move what it got before it answers.
constexpr auto while_it_is_stored = std::chrono::minutes(10);

// Where the bytes are to go. A registry behind a proxy may not know that it is spoken to with TLS; on its own
// name it is kept.
Url location_of(const Response& response) {
  auto to = try_resolve(response.url, response.header("location"));
  if (!to)
    throw Error(ErrorKind::system, format("{} does not say where to send a blob: {}", response.url.domain,
                                          printable(response.header("location"), 100)));
  if (response.url.scheme != "https" || to->scheme == "https") return *to;
  if (to->domain != response.url.domain)
    throw Error(ErrorKind::system,
                format("{} wants a blob to be sent to {} without TLS", response.url.domain, to->domain));
  return *try_parse_url(response.url.origin() + to->path);
}

std::string push_scope(std::string_view path) { return format("repository:{}:pull,push", path); }

}  // namespace

// The last answer: to the first request when the blob is mounted or the upload is refused.
Exchange Client::upload(const oci::Digest& digest, Bytes size, sys::Fd file, std::string_view mount_from,
                        const std::function<void(Bytes sent)>& report) {
  std::string first = target("blobs", "uploads/");
  Scope scope = push_scope(image_.path);
  if (!mount_from.empty()) {
    first = with_query(first, {{"mount", digest.value}, {"from", std::string(mount_from)}});
    scope += format(" repository:{}:pull", mount_from);
  }
  Exchange begun =
      perform({.method = Method::post, .target = first, .asked = Asked::registry_alone, .scope = scope});
  if (begun.response().status != 202 || !begun.response().is_success()) return begun;
  const Url to = location_of(begun.response());
  return perform({.method = Method::put,
                  .target = with_query(to.text, {{"digest", digest.value}}),
                  .asked = Asked::registry_alone,
                  .scope = scope,
                  .headers = {"Content-Type: application/octet-stream"},
                  .file = FileBody{.file = file, .size = size, .report = report},
                  .may_be_repeated = false,  // where it was sent to may know of a part already
                  .stall = while_it_is_stored});
}

Pushed Client::push_blob(const oci::Digest& digest, Bytes size, sys::Fd file, std::string_view mount_from,
                         const std::function<void(Bytes sent)>& report) {
  for (Tries tries(http_.patience());;) {
    bool is_sent = false;
    const Exchange exchange = upload(digest, size, file, mount_from, [&](Bytes sent) {
      is_sent = true;
      if (report) report(sent);
    });
    const Response& response = exchange.response();
    if (response.is_success() && response.status == 201) {
      const auto told = oci::parse_digest(response.header("docker-content-digest"));
      if (told && *told != digest)
        throw Error(ErrorKind::invalid, format("blob {} of {}: {} got one with the digest {}", digest.value,
                                               repository_.shown, image_.domain, told->value));
      return is_sent || mount_from.empty() ? Pushed::sent : Pushed::mounted;
    }
    const auto pause = is_sent && is_temporary(response) ? tries.next_pause(response) : std::nullopt;
    if (!pause) refuse(exchange, "push", "blob " + digest.value + " to " + repository_.shown);
    http_.sleep_until(Clock::now() + *pause);
  }
}

oci::Digest Client::put_manifest(std::string_view media_type, const std::string& text,
                                 std::string_view tag_or_digest) {
  const oci::Digest digest = archive::digest_of(text);
  const std::string reference = own_reference(tag_or_digest);
  const Exchange exchange = perform({.method = Method::put,
                                     .target = target("manifests", reference),
                                     .asked = Asked::registry_alone,
                                     .scope = push_scope(image_.path),
                                     .headers = {format("Content-Type: {}", media_type)},
                                     .body = text});
  const Response& response = exchange.response();
  if (!response.is_success()) refuse(exchange, "push", "manifest of " + name(reference));
  const auto told = oci::parse_digest(response.header("docker-content-digest"));
  if (told && *told != digest)
    throw Error(ErrorKind::invalid, format("manifest of {}: {} got one with the digest {} in place of {}",
                                           name(reference), image_.domain, told->value, digest.value));
  return digest;
}

}  // namespace tare::registry
