#include "image/layers.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <sched.h>
#include <tuple>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "store/blobs.h"
#include "store/images.h"
#include "sys/user_namespace.h"

namespace tare::image {
namespace {

constexpr int report_every_ms = 100;

std::size_t processors() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 1;
}

struct Running {
  std::size_t index;
  NewLayer layer;
};

}  // namespace

archive::Limits unpack_limits() {
  archive::Limits limits;
  // In a user namespace the kernel makes none; a container there has the host's in a /dev of its own.
  limits.device_nodes = sys::in_first_user_namespace();
  if (const char* limit = std::getenv("TARE_UNPACK_LIMIT")) {
    Step step("TARE_UNPACK_LIMIT");
    limits.unpacked = parse_size(limit);
  }
  return limits;
}

archive::Limits layer_limits() {
  archive::Limits limits = unpack_limits();
  limits.whiteouts = archive::Whiteouts::overlay;
  return limits;
}

NewLayer::NewLayer(const HostPath& root, oci::Digest layer, sys::UniqueFd source, const HeldSignals& held)
    : root_(root),
      layer_(std::move(layer)),
      source_(std::move(source)),
      staging_(root),
      worker_(source_, staging_.tree(), layer_limits(), held) {}

oci::Digest NewLayer::finish() {
  Step step("layer", layer_.value);
  const Unpacked unpacked = worker_.result();
  if (unpacked.layer != layer_)
    throw Error(ErrorKind::invalid,
                format("its tar is {}, and not what the image's config says", unpacked.layer.value));
  staging_.note_size(unpacked.size);
  store::publish(root_, std::move(staging_), store::LayerId(layer_.value), store::LayerKind::overlay);
  return unpacked.tarball;
}

std::vector<oci::Digest> unpack_layers(const HostPath& root, std::vector<LayerSource> sources,
                                       const HeldSignals& held, const ProgressReport& report) {
  std::vector<oci::Digest> digests(sources.size());
  Bytes total = 0, finished = 0;
  for (const auto& source : sources) total += source.size;
  std::list<Running> running;
  for (std::size_t next = 0; next < sources.size() || !running.empty();) {
    while (next < sources.size() && running.size() < processors()) {
      LayerSource& source = sources[next];
      running.emplace_back(next++, NewLayer(root, source.layer, std::move(source.file), held));
    }
    std::vector<pollfd> waited{{.fd = held.arrival().number(), .events = POLLIN, .revents = 0}};
    for (auto& each : running)
      waited.push_back({.fd = each.layer.worker().answer().number(), .events = POLLIN, .revents = 0});
    const int ready = ::poll(waited.data(), waited.size(), report_every_ms);
    if (ready < 0 && errno != EINTR) throw system_error("cannot wait for the unpacking processes");
    Bytes done = finished;
    for (auto& each : running) done += each.layer.worker().bytes_read();
    if (report) report(done, total);
    if (ready <= 0) continue;
    if (waited[0].revents != 0) throw system_error(EINTR, "stopped");
    auto place = waited.begin() + 1;
    for (auto each = running.begin(); each != running.end();) {
      if (place++->revents == 0 || !each->layer.worker().receive()) {
        ++each;
        continue;
      }
      digests[each->index] = each->layer.finish();
      finished += sources[each->index].size;
      each = running.erase(each);
    }
  }
  return digests;
}

void unpack_image(const HostPath& root, const oci::Digest& manifest_digest, const ProgressReport& report) {
  Step step("unpack image", manifest_digest.value);
  const store::Image image = store::read_image(
      root, {.name = {},
             .manifest = {.media_type = std::string(oci::media_type::manifest), .digest = manifest_digest}});
  const auto& [manifest, config] = std::tie(image.manifest, image.config);
  store::collect_staging(root);
  std::vector<LayerSource> sources;
  for (std::size_t i = 0; i < config.layers.size(); i++) {
    const bool is_repeated =
        std::ranges::find(sources, config.layers[i], &LayerSource::layer) != sources.end();
    if (is_repeated || store::has_image_layer(root, config.layers[i])) continue;
    sources.push_back({.layer = config.layers[i],
                       .file = store::open_blob(root, manifest.layers[i].digest),
                       .size = manifest.layers[i].size});
  }
  const HeldSignals held;
  unpack_layers(root, std::move(sources), held, report);
}

}  // namespace tare::image
