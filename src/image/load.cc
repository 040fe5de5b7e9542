#include "image/load.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/units.h"
#include "image/layers.h"
#include "image/new_image.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "store/blobs.h"
#include "store/copy_tree.h"
#include "store/images.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::image {
namespace {

constexpr Bytes largest_list = Bytes{16} << 20;
constexpr auto whole_name_annotation = "io.containerd.image.name";

// The files of an archive, unpacked where nobody else sees them. Names come from the archive itself, and lead
// nowhere but into it.
class Files {
 public:
  explicit Files(sys::Fd directory) : directory_(directory) {}

  sys::UniqueFd try_open(const std::string& path) const {
    return sys::try_open_regular_in_root(directory_, ContainerPath(path));
  }
  sys::UniqueFd open(const std::string& path) const {
    sys::UniqueFd file = try_open(path);
    if (!file) throw Error(ErrorKind::invalid, format("{} is missing in it", path));
    return file;
  }
  std::optional<std::string> try_read(const std::string& path, Bytes limit) const {
    const sys::UniqueFd file = try_open(path);
    if (!file) return std::nullopt;
    Step step("read", path);
    std::string text = sys::read_all(file, static_cast<std::size_t>(limit));
    left_to_read_ -= static_cast<Bytes>(text.size());
    if (left_to_read_ < 0)
      throw Error(ErrorKind::invalid,
                  format("its manifests and configurations have more than {}", format_size(most_to_read)));
    return text;
  }
  /// Of a layout's blob; checked.
  std::optional<std::string> try_read_blob(const oci::Digest& digest, Bytes limit) const {
    auto text = try_read(blob_name(digest), limit);
    if (text && archive::digest_of(*text) != digest)
      throw Error(ErrorKind::invalid,
                  format("{} holds something else than its name says", blob_name(digest)));
    return text;
  }
  static std::string blob_name(const oci::Digest& digest) { return format("blobs/sha256/{}", digest.hex()); }

 private:
  // Of what is kept in memory until all is known.
  static constexpr Bytes most_to_read = Bytes{64} << 20;

  sys::Fd directory_;
  mutable Bytes left_to_read_ = most_to_read;
};

// An image found in the archive, before any of it is in the store.
struct Found {
  std::string manifest;  ///< its text; empty: to be made of the rest
  std::string config;    ///< its text
  std::string media_type;
  std::vector<std::string> layer_paths;      ///< the lowest first
  std::vector<oci::Descriptor> layer_blobs;  ///< as the manifest has them; empty without one
  std::vector<std::string> names;
};

// What is no name (a tag alone is one, as podman has it) is not taken for an error.
std::vector<std::string> names_of(const oci::Annotations& annotations) {
  for (const char* key : {whole_name_annotation, oci::name_annotation})
    if (const auto name = annotations.find(key); name != annotations.end()) try {
        return {oci::parse_tagged_reference(name->second).text()};
      } catch (const Error&) {
      }
  return {};
}

void add_names(Found& image, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (std::ranges::find(image.names, name) == image.names.end()) image.names.push_back(name);
}

void add_manifest(const Files& files, const oci::Descriptor& descriptor,
                  const std::vector<std::string>& names, std::vector<Found>& found, int depth = 0) {
  constexpr int deepest = 8;
  if (depth > deepest) throw Error(ErrorKind::invalid, "its indexes lead to indexes, and so on");
  Step step("manifest", descriptor.digest.value);
  auto text = files.try_read_blob(descriptor.digest, oci::largest_manifest);
  if (!text)
    throw Error(ErrorKind::invalid, format("{} is missing in it", Files::blob_name(descriptor.digest)));
  if (oci::is_index(descriptor.media_type)) {
    const oci::Index index = oci::parse_index(*text);
    const auto* own = oci::find_platform(index, oci::own_platform());
    if (!own && index.manifests.size() == 1) own = &index.manifests.front();
    if (!own)
      throw Error(ErrorKind::not_found, format("it has nothing for {}", oci::text_of(oci::own_platform())));
    return add_manifest(files, *own, names, found, depth + 1);
  }
  // The same one may be there under several names.
  if (const auto same = std::ranges::find(found, *text, &Found::manifest); same != found.end())
    return add_names(*same, names);
  const oci::Manifest manifest = oci::parse_manifest(*text);
  auto config = files.try_read_blob(manifest.config.digest, oci::largest_config);
  if (!config)
    throw Error(ErrorKind::invalid, format("{} is missing in it", Files::blob_name(manifest.config.digest)));
  Found image{.manifest = std::move(*text),
              .config = std::move(*config),
              .media_type = descriptor.media_type.empty() ? std::string(oci::media_type::manifest)
                                                          : descriptor.media_type,
              .layer_paths = {},
              .layer_blobs = manifest.layers,
              .names = names};
  for (const auto& layer : manifest.layers) image.layer_paths.push_back(Files::blob_name(layer.digest));
  found.push_back(std::move(image));
}

std::vector<Found> find_in_layout(const Files& files, const std::string& index_text) {
  std::vector<Found> found;
  for (const auto& descriptor : oci::parse_index(index_text).manifests)
    add_manifest(files, descriptor, names_of(descriptor.annotations), found);
  return found;
}

// [{"Config": PATH, "RepoTags": [NAME...] or null, "Layers": [PATH...]}...]
std::vector<Found> find_in_docker_archive(const Files& files, const std::string& list_text) {
  Step step("manifest.json");
  std::vector<Found> found;
  const json::value list = json::parse(list_text);
  const auto* images = list.if_array();
  if (!images) throw Error(ErrorKind::invalid, "it is JSON, but no array");
  for (const auto& element : *images) {
    const json::object& object = json::as_object(element);
    Found image;
    const std::string config_path = json::text_field(object, "Config");
    auto config = files.try_read(config_path, oci::largest_config);
    if (!config) throw Error(ErrorKind::invalid, format("{} is missing in it", config_path));
    image.config = std::move(*config);
    image.layer_paths = json::texts_field(object, "Layers");
    if (const auto* names = json::part(element, "RepoTags").if_array())
      for (const auto& name : *names)
        if (const auto* text = name.if_string())
          image.names.push_back(oci::parse_tagged_reference(std::string_view(*text)).text());
    found.push_back(std::move(image));
  }
  return found;
}

std::vector<Found> find_images(const Files& files) {
  if (const auto index = files.try_read("index.json", largest_list)) {
    auto found = find_in_layout(files, *index);
    // docker writes both, and all of the names only into its own.
    if (const auto list = files.try_read("manifest.json", largest_list))
      for (auto& other : find_in_docker_archive(files, *list))
        for (auto& image : found)
          if (image.config == other.config) add_names(image, other.names);
    return found;
  }
  if (const auto list = files.try_read("manifest.json", largest_list))
    return find_in_docker_archive(files, *list);
  throw Error(
      ErrorKind::invalid, "it is no archive of images", 0,
      "neither manifest.json nor index.json is in it; `tare import` makes an image of a root file system");
}

Bytes size_of(sys::Fd file) {
  struct stat status;
  if (::fstat(file.number(), &status) != 0) throw system_error("cannot look at a file of it");
  return status.st_size;
}

class Loading {
 public:
  Loading(const LoadOptions& options, const Files& files, const HeldSignals& held)
      : options_(options), files_(files), held_(held) {}

  LoadedImage add(const Found& image) {
    const oci::ImageConfig config = oci::parse_image_config(image.config);
    if (config.layers.size() != image.layer_paths.size())
      throw Error(ErrorKind::invalid, format("an image has {} layers in it, and its config names {}",
                                             image.layer_paths.size(), config.layers.size()));
    add_layers(image, config);
    const oci::Digest config_digest = keep_text(options_.root, image.config);
    std::string manifest = image.manifest;
    std::string_view media_type = image.media_type;
    if (manifest.empty()) {
      manifest = make_manifest(image, config, config_digest);
      media_type = oci::media_type::manifest;
    }
    const oci::Digest digest = keep_text(options_.root, manifest);
    const oci::Descriptor descriptor{.media_type = std::string(media_type),
                                     .digest = digest,
                                     .size = static_cast<Bytes>(manifest.size()),
                                     .platform = config.platform};
    if (image.names.empty()) store::add_manifest(options_.root, {.name = {}, .manifest = descriptor});
    for (const auto& name : image.names)
      store::add_manifest(options_.root, {.name = name, .manifest = descriptor});
    return {.name = {}, .id = config_digest};
  }

 private:
  // Unpacking says what the bytes were: a blob becomes one when it is known to be what it should be.
  void add_layers(const Found& image, const oci::ImageConfig& config) {
    std::vector<LayerSource> sources;
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < config.layers.size(); i++) {
      sys::UniqueFd file = files_.open(image.layer_paths[i]);
      const Bytes size = size_of(file);
      const bool is_repeated =
          std::ranges::find(sources, config.layers[i], &LayerSource::layer) != sources.end();
      if (is_repeated || store::has_image_layer(options_.root, config.layers[i])) continue;
      sources.push_back({.layer = config.layers[i], .file = std::move(file), .size = size});
      indices.push_back(i);
    }
    const auto digests = unpack_layers(options_.root, std::move(sources), held_, options_.progress);
    for (std::size_t i = 0; i < indices.size(); i++) blobs_[image.layer_paths[indices[i]]] = digests[i];
    for (std::size_t i = 0; i < image.layer_paths.size(); i++) {
      const std::string& path = image.layer_paths[i];
      const sys::UniqueFd file = files_.open(path);
      if (!blobs_.contains(path)) blobs_[path] = hash_file(file, size_of(file), options_.progress);
      const oci::Digest& digest = blobs_[path];
      if (!image.layer_blobs.empty() && digest != image.layer_blobs[i].digest)
        throw Error(ErrorKind::invalid, format("{} holds something else than its name says", path));
      if (!store::has_blob(options_.root, digest)) store::keep_file(options_.root, file, digest);
    }
  }

  std::string make_manifest(const Found& image, const oci::ImageConfig& config, const oci::Digest& digest) {
    oci::Manifest manifest{.config = {.media_type = std::string(oci::media_type::config),
                                      .digest = digest,
                                      .size = static_cast<Bytes>(image.config.size())},
                           .layers = {},
                           .annotations = {}};
    for (std::size_t i = 0; i < config.layers.size(); i++) {
      const sys::UniqueFd file = files_.open(image.layer_paths[i]);
      manifest.layers.push_back({.media_type = std::string(media_type_of(file)),
                                 .digest = blobs_[image.layer_paths[i]],
                                 .size = size_of(file)});
    }
    return oci::to_text(manifest);
  }

  const LoadOptions& options_;
  const Files& files_;
  const HeldSignals& held_;
  std::map<std::string, oci::Digest> blobs_;  // of the layers' files
};

sys::UniqueFd open_source(const std::string& path) {
  sys::UniqueFd source = path == "-" ? sys::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3))
                                     : sys::try_open_at(sys::here, path, O_RDONLY | O_NOCTTY);
  if (!source && errno == ENOENT) throw Error(ErrorKind::not_found, "no such file");
  if (!source) throw system_error("cannot open it");
  return source;
}

// Of a directory that others may change meanwhile, and whose files stay theirs.
void copy_layout(sys::Fd from, sys::Fd to) {
  const sys::UniqueFd blobs =
      sys::try_open_in_root(from, ContainerPath("/blobs/sha256"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const Files files(from);
  const auto index = files.try_read("index.json", largest_list);
  if (!index || !blobs)
    throw Error(ErrorKind::invalid, "it is no archive of images", 0,
                "a directory is an OCI image layout: index.json and blobs/sha256 are in it");
  sys::create_file(to, "index.json", *index);
  sys::make_directories(to, "blobs/sha256");
  store::copy_tree(blobs, sys::open_at(to, "blobs/sha256", O_RDONLY | O_DIRECTORY));
}

std::vector<LoadedImage> load_files(const LoadOptions& options, const Files& files, const HeldSignals& held) {
  const store::ImagesInUse in_use(options.root);
  std::vector<LoadedImage> loaded;
  Loading loading(options, files, held);
  for (const auto& image : find_images(files)) {
    const LoadedImage added = loading.add(image);
    if (image.names.empty()) loaded.push_back(added);
    for (const auto& name : image.names) loaded.push_back({.name = name, .id = added.id});
  }
  return loaded;
}

}  // namespace

std::vector<LoadedImage> load(const LoadOptions& options) {
  const std::string shown = options.source == "-" ? "the standard input" : options.source;
  Step step("load", shown);
  store::make_image_layout(options.root);
  store::collect_staging(options.root);
  const sys::UniqueFd source = open_source(options.source);
  const HeldSignals held;
  struct stat status;
  if (::fstat(source.number(), &status) != 0) throw system_error("cannot look at it");
  const store::Staging staging(options.root);
  if (S_ISDIR(status.st_mode)) {
    copy_layout(source, staging.tree());
    return load_files(options, Files(staging.tree()), held);
  }
  unpack_confined(source, S_ISREG(status.st_mode) ? status.st_size : 0, staging.tree(), unpack_limits(), held,
                  options.progress);
  return load_files(options, Files(staging.tree()), held);
}

}  // namespace tare::image
