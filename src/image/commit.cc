#include "image/commit.h"

#include "base/error.h"
#include "base/format.h"
#include "image/layer.h"
#include "image/new_image.h"
#include "image/tree_blob.h"
#include "store/images.h"
#include "store/layers.h"

namespace tare::image {
namespace {

// What is removed while it is read is missing in what was read. Of a container its record goes first.
void check_container(const CommitOptions& options) {
  if (!state::read_record({.root = options.root, .run_root = {}}, options.container))
    throw Error(ErrorKind::not_found, format("No such container: {}", options.container.value), 0,
                "it was removed while its files were read");
}

Committed commit_upon(const CommitOptions& options) {
  // Whether they are all still there: a container holds its image's layers, not their blobs.
  const oci::Manifest base =
      oci::parse_manifest(store::read_blob(options.root, *options.base, oci::largest_manifest));
  for (const auto& layer : base.layers) (void)store::open_blob(options.root, layer.digest);
  if (base.layers.size() != options.config.layers.size())
    throw Error(ErrorKind::invalid, format("its image has {} layers, and its config names {}",
                                           base.layers.size(), options.config.layers.size()));
  const HeldSignals held;
  store::NewBlob blob(options.root);
  const WrittenLayer written =
      write_layer({.upper = options.layers.front(), .marks = options.marks}, blob.file());
  check_container(options);
  options.is_read();
  const AddedLayer added = add_layer(options.root, blob, written.layer, written.blob, held, options.progress);
  oci::ImageConfig config = options.config;
  config.layers.push_back(added.layer);
  std::vector<oci::Descriptor> layers = base.layers;
  for (auto& layer : layers)
    if (layer.media_type == oci::media_type::docker_layer_gzip)
      layer.media_type = oci::media_type::layer_gzip;
  layers.push_back(added.blob);
  return {.id = add_image(options.root, config, layers, options.name), .sockets = written.sockets};
}

Committed commit_whole(const CommitOptions& options) {
  const HeldSignals held;
  store::NewBlob blob(options.root);
  add_tree(options.layers, options.marks, blob, held);
  check_container(options);
  options.is_read();
  const AddedLayer added = add_root_layer(options.root, blob, held, options.progress);
  oci::ImageConfig config = options.config;
  config.layers = {added.layer};
  return {.id = add_image(options.root, config, {added.blob}, options.name)};
}

}  // namespace

Committed commit(const CommitOptions& options) {
  const store::ImagesInUse in_use(options.root);
  store::collect_staging(options.root);
  return options.base ? commit_upon(options) : commit_whole(options);
}

}  // namespace tare::image
