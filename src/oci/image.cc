#include "oci/image.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare::oci {
namespace {

using json::part;

constexpr std::size_t most_layers = 500;  // the kernel's: OVL_MAX_STACK

[[noreturn]] void refuse(std::string_view field, std::string_view why) {
  throw Error(ErrorKind::invalid, format("{} {}", field, why));
}

// Optional texts, lists and maps: null is as good as absent, as Go writes them.
std::string text_at(const json::value& object, std::string_view name) {
  const json::value& value = part(object, name);
  if (value.is_null()) return {};
  if (!value.is_string()) refuse(name, "is no string");
  return std::string(value.get_string());
}

std::vector<std::string> texts_at(const json::value& object, std::string_view name) {
  std::vector<std::string> texts;
  const json::value& value = part(object, name);
  if (value.is_null()) return texts;
  if (!value.is_array()) refuse(name, "is no array");
  for (const auto& element : value.get_array()) {
    if (!element.is_string()) refuse(name, "holds something else than strings");
    texts.emplace_back(element.get_string());
  }
  return texts;
}

std::map<std::string, std::string> map_at(const json::value& object, std::string_view name) {
  std::map<std::string, std::string> map;
  const json::value& value = part(object, name);
  if (value.is_null()) return map;
  if (!value.is_object()) refuse(name, "is no object");
  for (const auto& field : value.get_object()) {
    if (!field.value().is_string()) refuse(name, "holds something else than strings");
    map.emplace(field.key(), field.value().get_string());
  }
  return map;
}

// Go's set: an object whose values say nothing.
std::vector<std::string> names_at(const json::value& object, std::string_view name) {
  std::vector<std::string> names;
  const json::value& value = part(object, name);
  if (value.is_null()) return names;
  if (!value.is_object()) refuse(name, "is no object");
  for (const auto& field : value.get_object()) names.emplace_back(field.key());
  std::ranges::sort(names);
  return names;
}

std::optional<Time> time_at(const json::value& object, std::string_view name) {
  const std::string text = text_at(object, name);
  if (text.empty()) return std::nullopt;
  const auto time = try_parse_time(text);
  if (!time) refuse(name, "is no time");
  return time;
}

Digest digest_at(const json::value& object, std::string_view name) {
  const auto digest = parse_digest(text_at(object, name));
  if (!digest) refuse(name, "is not sha256: and 64 hexadecimal digits");
  return *digest;
}

const json::array& array_at(const json::value& object, std::string_view name) {
  const json::value& value = part(object, name);
  if (!value.is_array()) refuse(name, "is missing or no array");
  return value.get_array();
}

json::value parse_document(std::string_view text, std::string_view what) {
  Step step("read the image's", what);
  json::value value = json::parse(text);
  if (!value.is_object()) refuse("it", "is JSON, but no object");
  return value;
}

void check_schema(const json::value& document) {
  const auto* version = part(document, "schemaVersion").if_int64();
  if (!version) refuse("schemaVersion", "is missing");
  if (*version == 1)
    throw Error(ErrorKind::invalid, "it is of docker's schema 1, which no registry should have any more", 0,
                "ask who made it to push it again with a newer docker");
  if (*version != 2) refuse("schemaVersion", "is not 2");
}

Platform platform_of(const json::value& object) {
  return {.os = text_at(object, "os"),
          .architecture = text_at(object, "architecture"),
          .variant = text_at(object, "variant")};
}

ImageDefaults defaults_of(const json::value& object) {
  if (!object.is_null() && !object.is_object()) refuse("config", "is no object");
  ImageDefaults defaults;
  Step step("config");
  defaults.user = text_at(object, "User");
  defaults.working_directory = text_at(object, "WorkingDir");
  defaults.stop_signal = text_at(object, "StopSignal");
  defaults.environment = texts_at(object, "Env");
  defaults.entrypoint = texts_at(object, "Entrypoint");
  defaults.command = texts_at(object, "Cmd");
  defaults.shell = texts_at(object, "Shell");
  defaults.on_build = texts_at(object, "OnBuild");
  defaults.volumes = names_at(object, "Volumes");
  defaults.exposed_ports = names_at(object, "ExposedPorts");
  defaults.labels = map_at(object, "Labels");
  defaults.health_check = part(object, "Healthcheck");
  return defaults;
}

void add_text(json::object& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

void add_texts(json::object& object, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) object[name] = json::array(texts.begin(), texts.end());
}

void add_map(json::object& object, const char* name, const std::map<std::string, std::string>& map) {
  if (map.empty()) return;
  json::object fields;
  for (const auto& [key, value] : map) fields[key] = value;
  object[name] = std::move(fields);
}

void add_names(json::object& object, const char* name, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json::object fields;
  for (const auto& each : names) fields[each] = json::object();
  object[name] = std::move(fields);
}

json::object to_json(const ImageDefaults& defaults) {
  json::object object;
  add_text(object, "User", defaults.user);
  add_names(object, "ExposedPorts", defaults.exposed_ports);
  add_texts(object, "Env", defaults.environment);
  add_texts(object, "Entrypoint", defaults.entrypoint);
  add_texts(object, "Cmd", defaults.command);
  add_names(object, "Volumes", defaults.volumes);
  add_text(object, "WorkingDir", defaults.working_directory);
  add_map(object, "Labels", defaults.labels);
  add_text(object, "StopSignal", defaults.stop_signal);
  add_texts(object, "Shell", defaults.shell);
  add_texts(object, "OnBuild", defaults.on_build);
  if (!defaults.health_check.is_null()) object["Healthcheck"] = defaults.health_check;
  return object;
}

json::object to_json(const History& history) {
  json::object object;
  if (history.created) object["created"] = format_time(*history.created);
  add_text(object, "created_by", history.created_by);
  add_text(object, "author", history.author);
  add_text(object, "comment", history.comment);
  if (history.has_no_layer) object["empty_layer"] = true;
  return object;
}

}  // namespace

bool is_index(std::string_view type) { return type == media_type::index || type == media_type::docker_index; }
bool is_manifest(std::string_view type) {
  return type == media_type::manifest || type == media_type::docker_manifest;
}

Descriptor parse_descriptor(const json::value& value) {
  if (!value.is_object()) refuse("a descriptor", "is no object");
  Descriptor descriptor{.media_type = text_at(value, "mediaType"), .digest = digest_at(value, "digest")};
  const auto* size = part(value, "size").if_int64();
  if (!size || *size < 0) refuse("size", "is missing or no number of bytes");
  descriptor.size = *size;
  if (const auto& platform = part(value, "platform"); platform.is_object())
    descriptor.platform = platform_of(platform);
  descriptor.annotations = map_at(value, "annotations");
  return descriptor;
}

Index parse_index(std::string_view text) {
  const json::value document = parse_document(text, "index");
  check_schema(document);
  Index index;
  Step step("manifests");
  for (const auto& element : array_at(document, "manifests"))
    index.manifests.push_back(parse_descriptor(element));
  return index;
}

Manifest parse_manifest(std::string_view text) {
  const json::value document = parse_document(text, "manifest");
  check_schema(document);
  Manifest manifest;
  {
    Step step("config");
    manifest.config = parse_descriptor(part(document, "config"));
  }
  Step step("layers");
  const auto& layers = array_at(document, "layers");
  if (layers.size() > most_layers)
    refuse("the image", format("has {} layers, more than {}", layers.size(), most_layers));
  for (const auto& layer : layers) manifest.layers.push_back(parse_descriptor(layer));
  manifest.annotations = map_at(document, "annotations");
  return manifest;
}

ImageConfig parse_image_config(std::string_view text) {
  const json::value document = parse_document(text, "config");
  ImageConfig config{.platform = platform_of(document),
                     .created = time_at(document, "created"),
                     .author = text_at(document, "author"),
                     .defaults = defaults_of(part(document, "config")),
                     .layers = {},
                     .history = {}};
  for (const auto& element : array_at(part(document, "rootfs"), "diff_ids")) {
    const auto* words = element.if_string();
    const auto digest = words ? parse_digest(*words) : std::nullopt;
    if (!digest) refuse("rootfs.diff_ids", "holds something else than digests");
    config.layers.push_back(*digest);
  }
  Step step("history");
  if (const auto* history = part(document, "history").if_array())
    for (const auto& element : *history) {
      const auto* empty = part(element, "empty_layer").if_bool();
      config.history.push_back({.created = time_at(element, "created"),
                                .created_by = text_at(element, "created_by"),
                                .author = text_at(element, "author"),
                                .comment = text_at(element, "comment"),
                                .has_no_layer = empty && *empty});
    }
  return config;
}

const Descriptor* find_platform(const Index& index, const Platform& wanted) {
  const auto found = std::ranges::find_if(index.manifests, [&](const Descriptor& descriptor) {
    return descriptor.platform && fits(*descriptor.platform, wanted);
  });
  return found == index.manifests.end() ? nullptr : &*found;
}

json::object to_json(const Descriptor& descriptor) {
  json::object object{
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest.value}, {"size", descriptor.size}};
  if (descriptor.platform) {
    json::object platform{{"architecture", descriptor.platform->architecture},
                          {"os", descriptor.platform->os}};
    add_text(platform, "variant", descriptor.platform->variant);
    object["platform"] = std::move(platform);
  }
  add_map(object, "annotations", descriptor.annotations);
  return object;
}

std::string to_text(const Index& index) {
  json::array manifests;
  for (const auto& descriptor : index.manifests) manifests.push_back(to_json(descriptor));
  return json::compact(json::object{
      {"schemaVersion", 2}, {"mediaType", media_type::index}, {"manifests", std::move(manifests)}});
}

std::string to_text(const Manifest& manifest) {
  json::array layers;
  for (const auto& descriptor : manifest.layers) layers.push_back(to_json(descriptor));
  json::object object{{"schemaVersion", 2},
                      {"mediaType", media_type::manifest},
                      {"config", to_json(manifest.config)},
                      {"layers", std::move(layers)}};
  add_map(object, "annotations", manifest.annotations);
  return json::compact(object);
}

std::string to_text(const ImageConfig& config) {
  json::object object;
  if (config.created) object["created"] = format_time(*config.created);
  add_text(object, "author", config.author);
  object["architecture"] = config.platform.architecture;
  object["os"] = config.platform.os;
  add_text(object, "variant", config.platform.variant);
  object["config"] = to_json(config.defaults);
  json::array layers, history;
  for (const auto& layer : config.layers) layers.emplace_back(layer.value);
  object["rootfs"] = json::object{{"type", "layers"}, {"diff_ids", std::move(layers)}};
  for (const auto& each : config.history) history.push_back(to_json(each));
  if (!history.empty()) object["history"] = std::move(history);
  return json::compact(object);
}

}  // namespace tare::oci
