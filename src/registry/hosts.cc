#include "registry/hosts.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/json_node.h"
#include "registry/home.h"
#include "registry/url.h"
#include "sys/file.h"

namespace tare::registry {
namespace {

constexpr std::string_view docker_domain = "docker.io", docker_server = "registry-1.docker.io";
constexpr std::size_t largest_file = 1 << 20;

// The registry that a server belongs to.
std::string_view registry_of(std::string_view domain) {
  return domain == docker_server || domain == "index.docker.io" ? docker_domain : domain;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

HostPath absolute_path(const json::Node& node) {
  const std::string path = node.text();
  if (!path.starts_with('/')) node.refuse("expected a path from /");
  return HostPath(path);
}

std::vector<std::string> mirrors_of(const json::Node& node) {
  std::vector<std::string> mirrors;
  node.for_each_element([&](const json::Node& element) {
    const auto url = try_parse_url(element.text());
    if (!url || url->path.contains('?'))
      element.refuse("expected a URL such as https://mirror.example or http://10.0.0.1:5000/hub");
    mirrors.push_back(without_slash(url->text));
  });
  return mirrors;
}

bool is_registry(std::string_view name) {
  return !name.empty() && name.find_first_of("/ \t\n?#@\\") == name.npos &&
         try_parse_url("https://" + std::string(name));
}

// As docker has it: FILE.crt are authorities, FILE.cert and FILE.key a certificate of our own.
void add_certificates(const HostPath& directory, Trust& trust) {
  for (const std::string& name : sys::list_directory(sys::here, directory.value)) {
    if (name.ends_with(".crt")) trust.authorities.push_back(directory / name);
    if (!name.ends_with(".cert") || !trust.certificate.empty()) continue;
    const std::string key = name.substr(0, name.size() - std::string_view("cert").size()) + "key";
    if (!sys::exists(sys::here, (directory / key).value))
      throw Error(ErrorKind::invalid, format("{} has no key beside it", (directory / name).value), 0,
                  format("put it into {}; an authority's certificate ends in .crt", key));
    trust.certificate = directory / name;
    trust.key = directory / key;
  }
}

}  // namespace

HostPlaces host_places() {
  HostPlaces places;
  const auto configuration = configuration_directory();
  if (const auto file = from_environment("TARE_REGISTRIES")) {
    places.files.emplace_back(*file);
  } else {
    if (configuration) places.files.push_back(*configuration / "tare/registries.json");
    places.files.emplace_back("/etc/tare/registries.json");
  }
  if (configuration) places.certificate_directories.push_back(*configuration / "containers/certs.d");
  places.certificate_directories.emplace_back("/etc/containers/certs.d");
  places.certificate_directories.emplace_back("/etc/docker/certs.d");
  return places;
}

bool is_loopback(std::string_view domain) {
  if (domain.starts_with('[')) return domain.substr(0, domain.find(']')) == "[::1";
  const std::string_view host = domain.substr(0, domain.find(':'));
  const bool is_address = host.find_first_not_of("0123456789.") == host.npos;
  return host == "localhost" || (is_address && host.starts_with("127."));
}

Hosts::Hosts(HostPlaces places) : places_(std::move(places)) {
  for (const HostPath& file : places_.files) read(file);
}

void Hosts::read(const HostPath& file) {
  static constexpr json::KnownField<Entry> fields[] = {
      {"mirrors", [](const json::Node& node, Entry& entry) { entry.mirrors = mirrors_of(node); }},
      {"insecure", [](const json::Node& node, Entry& entry) { entry.is_insecure = node.flag(); }},
      {"ca", [](const json::Node& node, Entry& entry) { entry.authority = absolute_path(node); }},
      {"certificate", [](const json::Node& node, Entry& entry) { entry.certificate = absolute_path(node); }},
      {"key", [](const json::Node& node, Entry& entry) { entry.key = absolute_path(node); }},
  };
  const auto text = sys::try_read_file(sys::here, file.value, largest_file);
  if (!text) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    throw system_error(format("cannot read {}", file.value));
  }
  try {
    const json::value root = json::parse(*text);
    const json::Node whole(root);
    for (const auto& pair : whole.fields()) {
      const json::Node node(pair.value(), pair.key(), whole);
      if (!is_registry(pair.key()))
        node.refuse("expected a registry's name such as docker.io or localhost:5000");
      for (const auto& field : node.fields())
        if (std::ranges::none_of(fields, [&](const auto& known) { return known.name == field.key(); }))
          node.refuse(field.key(),
                      "is no field of a registry; those are mirrors, insecure, ca, certificate and key");
      Entry entry;
      json::read_fields(node, entry, fields);
      if (entry.certificate.empty() != entry.key.empty())
        node.refuse("a certificate and its key are given together");
      entries_.try_emplace(std::string(registry_of(pair.key())), std::move(entry));
    }
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid, format("{}: {}", file.value, error.text()), 0, error.hint());
  }
}

const Hosts::Entry& Hosts::entry_of(const std::string& domain) const {
  static const Entry none;
  const auto found = entries_.find(registry_of(domain));
  return found == entries_.end() ? none : found->second;
}

Trust Hosts::trust(const std::string& domain) const {
  const Entry& entry = entry_of(domain);
  Trust trust{.is_verified = !entry.is_insecure};
  for (const HostPath& directory : places_.certificate_directories) {
    const HostPath own = directory / registry_of(domain);
    if (!sys::exists(sys::here, own.value)) continue;
    add_certificates(own, trust);
    break;
  }
  if (!entry.authority.empty()) trust.authorities.push_back(entry.authority);
  if (!entry.certificate.empty()) {
    trust.certificate = entry.certificate;
    trust.key = entry.key;
  }
  return trust;
}

Endpoint Hosts::origin(const std::string& domain) const {
  return {.url = "https://" + std::string(domain == docker_domain ? docker_server : domain),
          .domain = domain,
          .trust = trust(domain),
          .may_be_plain = entry_of(domain).is_insecure || is_loopback(domain)};
}

std::vector<HostPath> Hosts::files() const {
  std::vector<HostPath> files = places_.certificate_directories;
  for (const auto& directory : places_.certificate_directories)
    for (const auto& host : sys::list_directory(sys::here, directory.value))
      for (const auto& file : sys::list_directory(sys::here, (directory / host).value))
        files.push_back(directory / host / file);
  for (const auto& [domain, entry] : entries_)
    for (const HostPath& file : {entry.authority, entry.certificate, entry.key})
      if (!file.value.empty()) files.push_back(file);
  return files;
}

std::vector<Endpoint> Hosts::endpoints(const std::string& domain) const {
  std::vector<Endpoint> all;
  for (const std::string& mirror : entry_of(domain).mirrors) {
    const auto url = try_parse_url(mirror);
    const std::string name(registry_of(url->domain));
    all.push_back({.url = mirror,
                   .domain = name,
                   .trust = trust(name),
                   .may_be_plain = false,  // its URL says what it speaks
                   .is_mirror = true});
  }
  all.push_back(origin(domain));
  return all;
}

}  // namespace tare::registry
