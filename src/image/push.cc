#include "image/push.h"

#include "base/error.h"
#include "base/format.h"
#include "store/blobs.h"
#include "store/images.h"

namespace tare::image {
namespace {

using What = PushEvents::What;

std::string brief(const oci::Digest& digest) { return std::string(digest.hex().substr(0, 12)); }

class Push {
 public:
  explicit Push(const PushOptions& options)
      : options_(options), in_use_(options.root, false), client_(options.reference, options.settings) {}

  PushedImage run() {
    const auto entry = store::find_name(options_.root, options_.reference);
    if (!entry)
      throw Error(
          ErrorKind::not_found,
          format("An image does not exist locally with the tag: {}", options_.reference.short_repository()),
          0, "`tare images` lists those that do, and `tare tag` gives them names");
    const store::Image image = store::read_image(options_.root, *entry);
    find_other_repository(image.manifest_descriptor.digest);
    for (const auto& layer : image.manifest.layers) push_blob(layer);
    push_blob(image.manifest.config);
    const std::string manifest =
        store::read_blob(options_.root, image.manifest_descriptor.digest, oci::largest_manifest);
    client_.put_manifest(image.manifest_descriptor.media_type, manifest);
    return {.digest = image.manifest_descriptor.digest, .size = static_cast<Bytes>(manifest.size())};
  }

 private:
  // One that the image was pulled from or pushed to by another name, at the same registry.
  void find_other_repository(const oci::Digest& manifest) {
    for (const auto& entry : store::list_manifests(options_.root)) {
      if (entry.name.empty() || entry.manifest.digest != manifest) continue;
      const oci::Reference other = oci::parse_reference(entry.name);
      if (other.domain == options_.reference.domain && other.path != options_.reference.path)
        other_repository_ = other.path;
    }
  }

  void push_blob(const oci::Descriptor& blob) {
    if (client_.has_blob(blob.digest)) return tell(blob, What::exists, blob.size);
    tell(blob, What::pushing, 0);
    const registry::Pushed pushed =
        client_.push_blob(blob.digest, blob.size, store::open_blob(options_.root, blob.digest),
                          other_repository_, [&](Bytes sent) { tell(blob, What::pushing, sent); });
    tell(blob, pushed == registry::Pushed::mounted ? What::mounted : What::pushed, blob.size);
  }

  void tell(const oci::Descriptor& blob, What what, Bytes done) const {
    if (options_.events.blob) options_.events.blob(brief(blob.digest), what, done, blob.size);
  }

  const PushOptions& options_;
  store::ImagesInUse in_use_;
  registry::Client client_;
  std::string other_repository_;
};

}  // namespace

PushedImage push(const PushOptions& options) { return Push(options).run(); }

}  // namespace tare::image
