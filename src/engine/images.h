// Images as users know them: listed, named, removed, inspected.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "state/containers.h"
#include "store/images.h"

namespace tare::engine {

/// The image of a name or an id. Throws Error{not_found}.
store::Image image_of(const state::Place& place, const std::string& name_or_id);

/// All names, as short as they go.
std::vector<std::string> image_names(const state::Place& place);

/// Unpacked, as docker counts: every layer, also those that it shares with others.
Bytes size_of(const state::Place& place, const store::Image& image);

/// What each step of its history has added, in the order of the history.
std::vector<Bytes> history_sizes(const state::Place& place, const store::Image& image);

/// `tare tag`: throws Error{not_found} for the image, Error{invalid} for the name.
void tag_image(const state::Place& place, const std::string& name_or_id, const std::string& name);

/// What `rmi` did, in docker's words.
struct Removed {
  enum class What { untagged, deleted } what{};
  std::string name;  ///< an image's name, or the digest of what went with it
};
/// A name of several goes alone; with its last name, or by its id, the image goes. One that containers use is
/// kept for them, and refused without `force`; by its id it is refused while one of them runs. Throws
/// Error{not_found}, Error{conflict}.
std::vector<Removed> remove_image(const state::Place& place, const std::string& name_or_id, bool force);

/// `--filter` of images: dangling, reference, label, before, since, until, in docker's grammar.
class ImageFilter {
 public:
  /// `known`: the keys that the command takes. Throws Error{invalid}, Error{not_found}.
  ImageFilter(const state::Place& place, const std::vector<std::string>& filters,
              const std::vector<std::string_view>& known);
  bool matches(const store::Image& image) const;
  /// Of an image that matches: whether this name of it is meant.
  bool matches_name(const std::string& name) const;
  bool wants_dangling() const { return dangling_.has_value(); }

 private:
  std::optional<bool> dangling_;
  std::vector<std::string> references_, labels_, unwanted_labels_;
  std::optional<Time> before_, since_;
};

struct PrunedImages {
  std::vector<Removed> removed;
  Bytes bytes = 0;
};
/// Removes those without a name, or with `all` those that no container uses; and what killed pulls left.
PrunedImages prune_images(const state::Place& place, const ImageFilter& filter, bool all);

/// What `tare image inspect` prints, in docker's shape.
json::value inspect_image(const state::Place& place, const store::Image& image);

}  // namespace tare::engine
