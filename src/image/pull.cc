#include "image/pull.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <list>
#include <map>
#include <poll.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "image/layers.h"
#include "image/new_image.h"
#include "store/blobs.h"
#include "store/images.h"
#include "sys/file.h"

namespace tare::image {
namespace {

using What = PullEvents::What;

constexpr int pipe_size = 1 << 20;  // what a layer may be ahead of its unpacking

std::string brief(const oci::Digest& digest) { return std::string(digest.hex().substr(0, 12)); }

struct Pipe {
  sys::UniqueFd reading, writing;
};

// Full pipes are the unpacking's way to say "later".
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  Pipe pipe{sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
  ::fcntl(pipe.writing.number(), F_SETPIPE_SZ, pipe_size);  // less will do
  if (::fcntl(pipe.writing.number(), F_SETFL, O_NONBLOCK) != 0) throw system_error("cannot make a pipe");
  return pipe;
}

// A layer of the image that is to come. It is unpacked while it comes, unless it has come in part before.
class Incoming {
 public:
  Incoming(const HostPath& root, const oci::Descriptor& blob, oci::Digest layer, store::PartialBlob partial,
           const PullEvents& events)
      : root_(root), blob_(blob), layer_(std::move(layer)), partial_(std::move(partial)), events_(events) {
    is_streamed_ = partial_.size() == 0 && !store::has_image_layer(root, layer_);
    if (!is_streamed_) return;
    Pipe pipe = make_pipe();
    reading_ = std::move(pipe.reading);
    writing_ = std::move(pipe.writing);
  }

  registry::Fetch fetch(const HeldSignals& held) {
    return {.digest = blob_.digest,
            .size = blob_.size,
            .offset = partial_.size(),
            .beginning = partial_.file(),
            .take = [this, &held](std::string_view bytes) { return take(bytes, held); },
            .room = writing_,
            .report = [this](Bytes position) { tell(What::downloading, position); },
            .done = [this] { finish_blob(); }};
  }

  sys::Fd answer() { return unpacking_ ? unpacking_->worker().answer() : sys::Fd(-1); }
  void receive() {
    if (unpacking_->worker().receive()) finish_layer();
  }
  // All of it came, and is not it: the next pull begins again.
  void forget_what_is_wrong() {
    if (partial_.file().number() >= 0 && partial_.size() >= blob_.size) partial_.start_again();
  }
  bool is_unpacking() const { return unpacking_.has_value(); }
  bool is_to_be_unpacked() const { return !store::has_image_layer(root_, layer_) && !unpacking_; }
  const oci::Digest& layer() const { return layer_; }
  const oci::Descriptor& blob() const { return blob_; }
  void tell(What what, Bytes done = 0) const {
    if (events_.layer) events_.layer(brief(blob_.digest), what, done, blob_.size);
  }

 private:
  std::size_t take(std::string_view bytes, const HeldSignals& held) {
    if (!is_streamed_) {
      partial_.add(bytes);
      return bytes.size();
    }
    if (reading_) unpacking_.emplace(root_, layer_, std::move(reading_), held);
    const ssize_t written = ::write(writing_.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EPIPE) throw_what_it_says();
    if (written < 0 && errno != EAGAIN && errno != EINTR) throw system_error("cannot hand on a layer");
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    partial_.add(bytes.substr(0, taken));
    return taken;
  }

  // Why the unpacking process is gone.
  [[noreturn]] void throw_what_it_says() {
    if (unpacking_) {
      while (!unpacking_->worker().receive()) {
      }
      unpacking_->finish();
    }
    throw Error(ErrorKind::invalid, format("layer {} goes on after its end", layer_.value));
  }

  void finish_blob() {
    partial_.keep();
    writing_.reset();
    tell(What::downloaded, blob_.size);
    if (unpacking_) tell(What::unpacking);
  }

  void finish_layer() {
    unpacking_->finish();
    unpacking_.reset();
    tell(What::complete);
  }

  const HostPath& root_;
  oci::Descriptor blob_;
  oci::Digest layer_;
  store::PartialBlob partial_;
  const PullEvents& events_;
  bool is_streamed_ = false;
  sys::UniqueFd reading_, writing_;
  std::optional<NewLayer> unpacking_;
};

class Pull {
 public:
  explicit Pull(const PullOptions& options)
      : options_(options),
        root_(options.root),
        in_use_(options.root),
        client_(options.reference, with_watch()) {}

  Pulled run() {
    const std::string shown = options_.reference.short_text();
    Step step("pull", shown);
    store::collect_staging(root_);
    const registry::Document asked = client_.get_manifest();
    const registry::Document document = oci::is_index(asked.media_type) ? choose(asked) : asked;
    const oci::Manifest manifest = oci::parse_manifest(document.text);
    const std::string config_text = read_config(manifest.config);
    const oci::ImageConfig config = oci::parse_image_config(config_text);
    if (config.layers.size() != manifest.layers.size())
      throw Error(ErrorKind::invalid, format("its manifest has {} layers, and its config {}",
                                             manifest.layers.size(), config.layers.size()));
    fetch_layers(manifest, config);
    keep_text(root_, document.text);
    store::NamedManifest entry{.name = options_.reference.text(),
                               .manifest = {.media_type = document.media_type,
                                            .digest = document.digest,
                                            .size = static_cast<Bytes>(document.text.size()),
                                            .platform = config.platform}};
    if (asked.digest != document.digest) entry.pulled = asked.digest;
    const auto before = store::find_name(root_, options_.reference);
    const bool is_new = !before || before->manifest.digest != document.digest;
    store::add_manifest(root_, entry);
    return {.digest = asked.digest, .id = manifest.config.digest, .is_new = is_new};
  }

 private:
  registry::Document choose(const registry::Document& list) {
    const oci::Platform wanted = options_.platform.value_or(oci::own_platform());
    const oci::Index index = oci::parse_index(list.text);
    const oci::Descriptor* found = oci::find_platform(index, wanted);
    if (!found)
      throw Error(ErrorKind::not_found,
                  format("no matching manifest for {} in the manifest list entries of {}",
                         oci::text_of(wanted), options_.reference.short_text()),
                  0, format("it is there for {}", platforms_of(index)));
    registry::Document document = client_.get_manifest(found->digest.value);
    if (oci::is_index(document.media_type))
      throw Error(ErrorKind::invalid, "its index leads to another index");
    return document;
  }

  static std::string platforms_of(const oci::Index& index) {
    std::string text;
    for (const auto& manifest : index.manifests)
      if (manifest.platform && manifest.platform->os != "unknown")
        text += (text.empty() ? "" : ", ") + oci::text_of(*manifest.platform);
    return text.empty() ? "nothing that it names" : text;
  }

  // Small, and needed first; by one of several pulls.
  std::string read_config(const oci::Descriptor& config) {
    auto partial = store::PartialBlob::try_open(root_, config.digest);
    if (!partial) return store::read_blob(root_, config.digest, oci::largest_config);
    std::string text = client_.get_blob(config.digest, config.size);
    partial->start_again();
    partial->add(text);
    partial->keep();
    return text;
  }

  void tell(const oci::Digest& blob, What what) const {
    if (options_.events.layer) options_.events.layer(brief(blob), what, 0, 0);
  }

  // In the order of their digests, as every pull takes them: so two that want the same ones wait for each
  // other in one direction only.
  std::map<std::string, store::PartialBlob> take_partial_blobs(const oci::Manifest& manifest) {
    std::map<std::string, oci::Digest> missing;
    for (const auto& layer : manifest.layers) {
      if (store::has_blob(root_, layer.digest)) continue;
      missing.emplace(layer.digest.value, layer.digest);
      tell(layer.digest, What::waits);
    }
    std::map<std::string, store::PartialBlob> partial;
    for (const auto& [name, digest] : missing)
      if (auto blob = store::PartialBlob::try_open(root_, digest)) partial.emplace(name, std::move(*blob));
    return partial;
  }

  void fetch_layers(const oci::Manifest& manifest, const oci::ImageConfig& config) {
    auto partial = take_partial_blobs(manifest);
    const HeldSignals& held = held_.emplace();  // from now on there is something to clean up
    for (std::size_t i = 0; i < manifest.layers.size(); i++) {
      const oci::Descriptor& blob = manifest.layers[i];
      const auto own = partial.find(blob.digest.value);
      if (own == partial.end()) {
        if (store::has_image_layer(root_, config.layers[i])) tell(blob.digest, What::exists);
        continue;
      }
      incoming_.emplace_back(root_, blob, config.layers[i], std::move(own->second), options_.events);
      partial.erase(own);
    }
    std::vector<registry::Fetch> fetches;
    for (auto& each : incoming_) fetches.push_back(each.fetch(held));
    try {
      client_.fetch(fetches);
    } catch (const Error&) {
      for (auto& each : incoming_) each.forget_what_is_wrong();
      throw;
    }
    while (std::ranges::any_of(incoming_, &Incoming::is_unpacking)) wait();
    unpack_rest(manifest, config, held);
    incoming_.clear();
    held_.reset();
  }

  // Those that were there in part, or whole and not unpacked.
  void unpack_rest(const oci::Manifest& manifest, const oci::ImageConfig& config, const HeldSignals& held) {
    std::vector<LayerSource> sources;
    for (std::size_t i = 0; i < config.layers.size(); i++) {
      const bool is_repeated =
          std::ranges::find(sources, config.layers[i], &LayerSource::layer) != sources.end();
      if (is_repeated || store::has_image_layer(root_, config.layers[i])) continue;
      tell(manifest.layers[i].digest, What::unpacking);
      sources.push_back({.layer = config.layers[i],
                         .file = store::open_blob(root_, manifest.layers[i].digest),
                         .size = manifest.layers[i].size});
    }
    unpack_layers(root_, std::move(sources), held, {});
  }

  // While blobs come, and afterwards.
  void wish(std::vector<pollfd>& waited) {
    if (!held_) return;
    waited.push_back({.fd = held_->arrival().number(), .events = POLLIN, .revents = 0});
    for (auto& each : incoming_)
      if (each.is_unpacking())
        waited.push_back({.fd = each.answer().number(), .events = POLLIN, .revents = 0});
  }

  void see(std::span<const pollfd> waited) {
    for (const auto& one : waited) {
      if (one.revents == 0) continue;
      if (held_ && one.fd == held_->arrival().number()) throw system_error(EINTR, "stopped");
      for (auto& each : incoming_)
        if (each.is_unpacking() && each.answer().number() == one.fd) {
          each.receive();
          break;
        }
    }
  }

  void wait() {
    std::vector<pollfd> waited;
    wish(waited);
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR)
      throw system_error("cannot wait for the unpacking processes");
    see(waited);
  }

  registry::Settings with_watch() {
    registry::Settings settings = options_.settings;
    settings.watch = {.wish = [this](std::vector<pollfd>& waited) { wish(waited); },
                      .see = [this](std::span<const pollfd> waited) { see(waited); }};
    return settings;
  }

  const PullOptions& options_;
  const HostPath& root_;
  store::ImagesInUse in_use_;
  std::optional<HeldSignals> held_;  // ends after what it waits for is cleaned up
  std::list<Incoming> incoming_;
  registry::Client client_;
};

}  // namespace

Pulled pull(const PullOptions& options) { return Pull(options).run(); }

}  // namespace tare::image
