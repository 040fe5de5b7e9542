#include "image/check.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "store/blobs.h"
#include "store/images.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::image {
namespace {

class Check {
 public:
  Check(const state::Place& place, const ProgressReport& report)
      : place_(place), root_(place.root), report_(report) {}

  std::vector<std::string> run() {
    // What was interrupted is nothing wrong: the next command removes it, and this is one.
    store::collect_staging(root_);
    store::remove_left_garbage(place_);
    check_blobs();
    for (const auto& entry : store::list_manifests(root_)) check_image(entry);
    check_containers();
    return std::move(problems_);
  }

 private:
  void check_blobs() {
    const HostPath directory = root_ / "images/blobs/sha256";
    const auto names = sys::list_directory(sys::here, directory.value);
    Bytes total = 0, done = 0;
    for (const auto& name : names)
      if (const auto status = sys::try_status(sys::here, (directory / name).value)) total += status->st_size;
    for (const auto& name : names) {
      const auto digest = oci::parse_digest("sha256:" + name);
      if (!digest) {
        problems_.push_back(format("{} is no blob's name", (directory / name).value));
        continue;
      }
      const sys::UniqueFd file = sys::try_open_at(sys::here, (directory / name).value, O_RDONLY | O_NOFOLLOW);
      if (!file) continue;  // removed meanwhile
      const auto found = hash_file(file, 0, [&](Bytes read, Bytes) {
        if (report_) report_(done + read, total);
      });
      if (found != *digest) problems_.push_back(format("the blob {} holds something else", digest->value));
      if (const auto status = sys::try_status(sys::here, (directory / name).value)) done += status->st_size;
    }
  }

  void check_image(const store::NamedManifest& entry) {
    const std::string name = entry.name.empty() ? entry.manifest.digest.value : entry.name;
    try {
      const store::Image image = store::read_image(root_, entry);
      for (const auto& layer : image.manifest.layers)
        if (!store::has_blob(root_, layer.digest))
          problems_.push_back(format("image {}: the blob {} is missing", name, layer.digest.value));
    } catch (const Error& error) {
      problems_.push_back(format("image {}: {}", name, error.what()));
    }
  }

  void check_containers() {
    for (const auto& id : state::list(place_)) try {
        const auto use = store::image_of(place_, id);
        if (!use) continue;
        for (const auto& layer : use->layers)
          if (!store::has_image_layer(root_, layer))
            problems_.push_back(format("container {}: its layer {} is missing", id.value, layer.value));
      } catch (const Error& error) {
        problems_.push_back(format("container {}: {}", id.value, error.what()));
      }
  }

  const state::Place& place_;
  const HostPath& root_;
  const ProgressReport& report_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check(const state::Place& place, const ProgressReport& report) {
  return Check(place, report).run();
}

}  // namespace tare::image
