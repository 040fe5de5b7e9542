#include "engine/images.h"

#include <algorithm>
#include <fnmatch.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "engine/containers.h"
#include "engine/moment.h"
#include "oci/reference.h"
#include "store/blobs.h"
#include "store/layers.h"

namespace tare::engine {
namespace {

std::string brief(const oci::Digest& digest) { return std::string(digest.hex().substr(0, 12)); }

// Of one that is not unpacked yet, what its blob is.
Bytes layer_size(const state::Place& place, const store::Image& image, std::size_t layer) {
  return store::layer_size(place.root, store::LayerId(image.config.layers[layer].value))
      .value_or(image.manifest.layers[layer].size);
}

struct Users {
  std::vector<ContainerId> all;
  std::optional<ContainerId> running;
};

Users users_of(const state::Place& place, const store::Image& image) {
  Users users{.all = store::users_of_image(place, image.id()), .running = std::nullopt};
  std::erase_if(users.all, [&](const ContainerId& id) {
    try {
      const Status status = find_container(place, id.value).status;
      if (status == Status::running || status == Status::paused) users.running = id;
      return false;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      return true;  // it has ended and gone meanwhile
    }
  });
  return users;
}

Error conflict(const std::string& what, const std::string& why, const std::string& hint) {
  return Error(ErrorKind::conflict, format("conflict: unable to {} - {}", what, why), 0, hint);
}

std::vector<std::string> names_of(const store::Image& image) {
  std::vector<std::string> names;
  for (const auto& entry : image.entries)
    if (!entry.name.empty()) names.push_back(entry.name);
  return names;
}

void collect_garbage(const state::Place& place, const std::vector<oci::Digest>& let_go,
                     std::vector<Removed>& removed) {
  const auto garbage = store::remove_garbage(place, let_go);
  if (!garbage) return;
  for (const auto& blob : garbage->blobs) removed.push_back({Removed::What::deleted, blob.value});
}

void add_untagged(std::vector<Removed>& removed, const std::string& name) {
  removed.push_back({Removed::What::untagged, oci::parse_reference(name).short_text()});
}

// All manifests that have this id: the same config may be in several, with layers that are compressed
// otherwise.
void remove_by_id(const state::Place& place, const store::Image& image, const Users& users, bool force,
                  std::vector<oci::Digest>& let_go, std::vector<Removed>& removed) {
  if (users.running)
    throw conflict(format("delete {} (cannot be forced)", brief(image.id())),
                   format("image is being used by running container {}", users.running->brief()),
                   "stop and remove the container first");
  if (!users.all.empty() && !force)
    throw conflict(format("delete {} (must be forced)", brief(image.id())),
                   format("image is being used by stopped container {}", users.all.front().brief()),
                   "remove the container first, or use -f");
  std::vector<std::string> problems;
  std::vector<store::Image> same = store::list_images(place.root, problems);
  std::erase_if(same, [&](const store::Image& other) { return other.id() != image.id(); });
  std::size_t names = 0;
  for (const auto& each : same) names += names_of(each).size();
  if (names > 1 && !force)
    throw conflict(format("delete {} (must be forced)", brief(image.id())),
                   "image is referenced in multiple repositories", "remove it by its names, or use -f");
  for (const auto& each : same) {
    const oci::Descriptor& manifest = each.entries.front().manifest;
    for (const auto& blob : store::blobs_of(place.root, manifest)) let_go.push_back(blob);
    store::remove_manifest(place.root, manifest.digest);
    for (const auto& name : names_of(each)) add_untagged(removed, name);
  }
}

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto found = labels.find(wanted.substr(0, equals));
  return found != labels.end() && (equals == wanted.npos || found->second == wanted.substr(equals + 1));
}

// As path.Match of Go: `*` stays within a part of the path; a pattern without a tag is for every tag.
bool matches_pattern(const std::string& pattern, const oci::Reference& reference) {
  for (const auto& text :
       {reference.short_text(), reference.short_repository(), reference.text(), reference.repository()})
    if (::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0) return true;
  return false;
}

json::array texts(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

json::value texts_or_null(const std::vector<std::string>& words) {
  return words.empty() ? json::value() : json::value(texts(words));
}

json::value set_or_null(const std::vector<std::string>& names) {
  if (names.empty()) return nullptr;
  json::object object;
  for (const auto& name : names) object[name] = json::object();
  return object;
}

json::object config_of(const oci::ImageDefaults& defaults) {
  json::object labels;
  for (const auto& [name, value] : defaults.labels) labels[name] = value;
  json::object object{{"User", defaults.user},
                      {"ExposedPorts", set_or_null(defaults.exposed_ports)},
                      {"Env", texts_or_null(defaults.environment)},
                      {"Cmd", texts_or_null(defaults.command)},
                      {"Volumes", set_or_null(defaults.volumes)},
                      {"WorkingDir", defaults.working_directory},
                      {"Entrypoint", texts_or_null(defaults.entrypoint)},
                      {"OnBuild", texts_or_null(defaults.on_build)},
                      {"Labels", labels.empty() ? json::value() : json::value(labels)}};
  if (!defaults.stop_signal.empty()) object["StopSignal"] = defaults.stop_signal;
  if (!defaults.shell.empty()) object["Shell"] = texts(defaults.shell);
  if (!defaults.health_check.is_null()) object["Healthcheck"] = defaults.health_check;
  return object;
}

}  // namespace

store::Image image_of(const state::Place& place, const std::string& name_or_id) {
  if (auto image = store::find_image(place.root, name_or_id)) return std::move(*image);
  throw Error(ErrorKind::not_found, format("No such image: {}", name_or_id), 0, "`tare images` lists them");
}

std::vector<std::string> image_names(const state::Place& place) {
  std::vector<std::string> names;
  for (const auto& entry : store::list_manifests(place.root))
    if (!entry.name.empty()) names.push_back(oci::parse_reference(entry.name).short_text());
  return names;
}

Bytes size_of(const state::Place& place, const store::Image& image) {
  Bytes size = 0;
  for (std::size_t i = 0; i < image.config.layers.size(); i++) size += layer_size(place, image, i);
  return size;
}

std::vector<Bytes> history_sizes(const state::Place& place, const store::Image& image) {
  std::vector<Bytes> sizes;
  std::size_t layer = 0;
  for (const auto& step : image.config.history) {
    const bool has_layer = !step.has_no_layer && layer < image.config.layers.size();
    sizes.push_back(has_layer ? layer_size(place, image, layer++) : 0);
  }
  return sizes;
}

void tag_image(const state::Place& place, const std::string& name_or_id, const std::string& name) {
  const oci::Reference reference = oci::parse_name_to_give(name);
  const store::ImagesInUse in_use(place.root, false);
  const store::Image image = image_of(place, name_or_id);
  store::NamedManifest entry = image.entries.front();
  entry.name = reference.text();
  store::add_manifest(place.root, entry);
}

std::vector<Removed> remove_image(const state::Place& place, const std::string& name_or_id, bool force) {
  std::vector<Removed> removed;
  const store::Image image = image_of(place, name_or_id);
  const oci::Descriptor manifest = image.entries.front().manifest;
  const std::vector<std::string> names = names_of(image);
  std::string name = store::name_in(image, name_or_id);
  // A digest that is the image's only name.
  if (name.empty() && names.size() == 1 && oci::parse_reference(names.front()).digest) name = names.front();
  std::vector<oci::Digest> let_go = store::blobs_of(place.root, manifest);
  if (!name.empty() && names.size() > 1) {
    if (store::remove_name(place.root, name, manifest.digest, false)) add_untagged(removed, name);
    collect_garbage(place, let_go, removed);
    return removed;
  }
  const Users users = users_of(place, image);
  if (!name.empty()) {
    if (!users.all.empty() && !force)
      throw conflict(format("remove repository reference \"{}\" (must force)", name_or_id),
                     format("container {} is using its referenced image {}", users.all.front().brief(),
                            brief(image.id())),
                     "remove the container first, or use -f");
    if (store::remove_name(place.root, name, manifest.digest, users.running.has_value()))
      add_untagged(removed, name);
  } else {
    remove_by_id(place, image, users, force, let_go, removed);
  }
  collect_garbage(place, let_go, removed);
  return removed;
}

ImageFilter::ImageFilter(const state::Place& place, const std::vector<std::string>& filters,
                         const std::vector<std::string_view>& known) {
  for (const auto& filter : filters) {
    const bool is_negated = filter.starts_with("label!=");
    const auto equals = filter.find('=');
    const std::string key = is_negated ? "label!" : filter.substr(0, equals);
    const std::string value = equals == filter.npos ? "" : filter.substr(equals + 1);
    if (equals == filter.npos || std::ranges::find(known, key) == known.end())
      throw Error(ErrorKind::invalid, format("invalid filter '{}'", filter), 0,
                  "KEY=VALUE, where KEY is one of those that --help names");
    if (key == "dangling") {
      if (value != "true" && value != "false" && value != "1" && value != "0")
        throw Error(ErrorKind::invalid, format("invalid filter 'dangling={}'", value), 0, "true or false");
      dangling_ = value == "true" || value == "1";
    } else if (key == "reference") {
      references_.push_back(value);
    } else if (key == "label") {
      labels_.push_back(value);
    } else if (key == "label!") {
      unwanted_labels_.push_back(value);
    } else if (key == "until") {
      before_ = parse_moment(value, now());
    } else {
      const Time created = image_of(place, value).config.created.value_or(Time());
      (key == "before" ? before_ : since_) = created;
    }
  }
}

bool ImageFilter::matches(const store::Image& image) const {
  const Time created = image.config.created.value_or(Time());
  const auto& labels = image.config.defaults.labels;
  const auto names = names_of(image);
  return (!dangling_ || *dangling_ == names.empty()) && (!before_ || created < *before_) &&
         (!since_ || created > *since_) &&
         std::ranges::all_of(labels_, [&](const auto& label) { return has_label(labels, label); }) &&
         std::ranges::none_of(unwanted_labels_,
                              [&](const auto& label) { return has_label(labels, label); }) &&
         (references_.empty() ||
          std::ranges::any_of(names, [&](const auto& name) { return matches_name(name); }));
}

bool ImageFilter::matches_name(const std::string& name) const {
  return references_.empty() || std::ranges::any_of(references_, [&](const auto& pattern) {
           return matches_pattern(pattern, oci::parse_reference(name));
         });
}

PrunedImages prune_images(const state::Place& place, const ImageFilter& filter, bool all) {
  PrunedImages pruned;
  std::vector<std::string> problems;
  std::vector<oci::Digest> let_go;
  for (const auto& image : store::list_images(place.root, problems)) {
    const auto names = names_of(image);
    if ((!names.empty() && !all) || !filter.matches(image)) continue;
    if (!store::users_of_image(place, image.id()).empty()) continue;
    const oci::Descriptor& manifest = image.entries.front().manifest;
    for (const auto& blob : store::blobs_of(place.root, manifest)) let_go.push_back(blob);
    store::remove_manifest(place.root, manifest.digest);
    for (const auto& name : names) add_untagged(pruned.removed, name);
  }
  store::collect_staging(place.root);
  pruned.bytes = store::remove_partial_blobs(place.root);
  if (const auto garbage = store::remove_garbage(place, let_go)) {
    for (const auto& blob : garbage->blobs) pruned.removed.push_back({Removed::What::deleted, blob.value});
    pruned.bytes += garbage->bytes;
  }
  return pruned;
}

json::value inspect_image(const state::Place& place, const store::Image& image) {
  const oci::ImageConfig& config = image.config;
  json::array layers;
  for (const auto& layer : config.layers) layers.emplace_back(layer.value);
  json::object object{
      {"Id", image.id().value},
      {"RepoTags", texts(image.tags())},
      {"RepoDigests", texts(image.repository_digests())},
      {"Parent", ""},
      {"Comment", config.history.empty() ? "" : config.history.back().comment},
      {"Created", config.created ? json::value(format_time(*config.created)) : json::value("")},
      {"Author", config.author},
      {"Config", config_of(config.defaults)},
      {"Architecture", config.platform.architecture},
      {"Os", config.platform.os},
      {"Size", size_of(place, image)},
      {"RootFS", json::object{{"Type", "layers"}, {"Layers", std::move(layers)}}},
      {"Descriptor", oci::to_json(image.manifest_descriptor)}};
  if (!config.platform.variant.empty()) object["Variant"] = config.platform.variant;
  return object;
}

}  // namespace tare::engine
