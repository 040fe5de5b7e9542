#include "image/new_image.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "image/layers.h"
#include "oci/reference.h"
#include "store/images.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::image {
namespace {

// From its beginning; a descriptor of its own, so that what writes the blob is not moved.
sys::UniqueFd reopen(const store::NewBlob& blob) {
  return sys::open_at(sys::here, format("/proc/self/fd/{}", blob.file().number()), O_RDONLY);
}

Bytes size_of(sys::Fd file) {
  struct stat status;
  if (::fstat(file.number(), &status) != 0) throw system_error("cannot look at the blob");
  return status.st_size;
}

AddedLayer keep(store::NewBlob& blob, sys::Fd file, const oci::Digest& layer, const oci::Digest& digest) {
  AddedLayer added{
      .layer = layer,
      .blob = {.media_type = std::string(media_type_of(file)), .digest = digest, .size = size_of(file)}};
  blob.keep(digest);
  return added;
}

}  // namespace

oci::Digest keep_text(const HostPath& root, std::string_view text) {
  const oci::Digest digest = archive::digest_of(text);
  if (store::has_blob(root, digest)) return digest;
  store::NewBlob blob(root);
  blob.add(text);
  blob.keep(digest);
  return digest;
}

std::string_view media_type_of(sys::Fd blob) {
  char head[16];
  const ssize_t size = ::pread(blob.number(), head, sizeof head, 0);
  switch (archive::recognise({head, static_cast<std::size_t>(std::max<ssize_t>(size, 0))})) {
    case archive::Compression::gzip: return oci::media_type::layer_gzip;
    case archive::Compression::zstd: return oci::media_type::layer_zstd;
    default: return oci::media_type::layer;
  }
}

AddedLayer add_root_layer(const HostPath& root, store::NewBlob& blob, const HeldSignals& held,
                          const ProgressReport& report) {
  const sys::UniqueFd file = reopen(blob);
  archive::Limits limits = layer_limits();
  limits.whiteouts = archive::Whiteouts::refused;
  store::Staging staging(root);
  const Unpacked unpacked = unpack_confined(file, size_of(file), staging.tree(), limits, held, report);
  staging.note_size(unpacked.size);
  store::publish(root, std::move(staging), store::LayerId(unpacked.layer.value), store::LayerKind::overlay);
  return keep(blob, file, unpacked.layer, unpacked.tarball);
}

AddedLayer add_layer(const HostPath& root, store::NewBlob& blob, const oci::Digest& layer,
                     const oci::Digest& digest, const HeldSignals& held, const ProgressReport& report) {
  const sys::UniqueFd file = reopen(blob);
  if (!store::has_image_layer(root, layer)) {
    std::vector<LayerSource> sources;
    sources.push_back({.layer = layer, .file = reopen(blob), .size = size_of(file)});
    if (unpack_layers(root, std::move(sources), held, report).front() != digest)
      throw Error(ErrorKind::system, "the layer was read as something else than was written");
  }
  return keep(blob, file, layer, digest);
}

oci::Digest add_image(const HostPath& root, const oci::ImageConfig& config,
                      const std::vector<oci::Descriptor>& layers, const std::string& name) {
  const std::string config_text = oci::to_text(config);
  const oci::Digest id = keep_text(root, config_text);
  const std::string manifest =
      oci::to_text(oci::Manifest{.config = {.media_type = std::string(oci::media_type::config),
                                            .digest = id,
                                            .size = static_cast<Bytes>(config_text.size())},
                                 .layers = layers,
                                 .annotations = {}});
  store::add_manifest(root, {.name = name,
                             .manifest = {.media_type = std::string(oci::media_type::manifest),
                                          .digest = keep_text(root, manifest),
                                          .size = static_cast<Bytes>(manifest.size()),
                                          .platform = config.platform}});
  return id;
}

}  // namespace tare::image
