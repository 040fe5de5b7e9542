// What images are made of: descriptor, index, manifest and config (image-spec; docker's schema 2 has the same
// fields under other media types).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "base/types.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace tare::oci {

namespace media_type {
inline constexpr std::string_view index = "application/vnd.oci.image.index.v1+json",
                                  manifest = "application/vnd.oci.image.manifest.v1+json",
                                  config = "application/vnd.oci.image.config.v1+json",
                                  layer = "application/vnd.oci.image.layer.v1.tar",
                                  layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip",
                                  layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd",
                                  docker_index = "application/vnd.docker.distribution.manifest.list.v2+json",
                                  docker_manifest = "application/vnd.docker.distribution.manifest.v2+json",
                                  docker_config = "application/vnd.docker.container.image.v1+json",
                                  docker_layer_gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

/// A manifest or an index of any size that a registry may want to be read (distribution-spec).
inline constexpr Bytes largest_manifest = Bytes{4} << 20;
inline constexpr Bytes largest_config = Bytes{8} << 20;

using Annotations = std::map<std::string, std::string>;
inline constexpr auto name_annotation = "org.opencontainers.image.ref.name";

struct Descriptor {
  std::string media_type;
  Digest digest;
  Bytes size = 0;
  std::optional<Platform> platform = std::nullopt;
  Annotations annotations = {};
};
bool is_index(std::string_view media_type);
bool is_manifest(std::string_view media_type);

struct Index {
  std::vector<Descriptor> manifests;
};
/// The first that fits; nullptr: there is none.
const Descriptor* find_platform(const Index& index, const Platform& wanted);

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  ///< the lowest first
  Annotations annotations;
};

/// What a container of the image is unless it is told otherwise.
struct ImageDefaults {
  std::string user, working_directory, stop_signal;
  std::vector<std::string> environment, entrypoint, command, shell, on_build;
  std::vector<std::string> volumes, exposed_ports;
  std::map<std::string, std::string> labels;
  json::value health_check;  ///< null: none
};

struct History {
  std::optional<Time> created;
  std::string created_by, author, comment;
  bool has_no_layer = false;
};

struct ImageConfig {
  Platform platform;
  std::optional<Time> created;
  std::string author;
  ImageDefaults defaults;
  std::vector<Digest> layers;  ///< of the uncompressed tars ("diff ids"), the lowest first
  std::vector<History> history;
};

/// All throw Error{invalid} naming the field. What they do not know is ignored.
Index parse_index(std::string_view text);
Manifest parse_manifest(std::string_view text);
ImageConfig parse_image_config(std::string_view text);
Descriptor parse_descriptor(const json::value& value);

/// As the specification wants them, compact.
json::object to_json(const Descriptor& descriptor);
std::string to_text(const Index& index);
std::string to_text(const Manifest& manifest);
std::string to_text(const ImageConfig& config);

}  // namespace tare::oci
