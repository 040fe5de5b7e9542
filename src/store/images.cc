#include "store/images.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::store {
namespace {

constexpr int layout_version = 1;  // docs/storage-layout.md
constexpr Bytes largest_list = Bytes{64} << 20;

using Manifests = std::vector<NamedManifest>;

HostPath own_list(const HostPath& root) { return root / "images/names.json"; }
HostPath public_list(const HostPath& root) { return root / "images/index.json"; }

// Other programs write what their user wrote: "busybox", or a word that is no name at all.
std::string whole_name(const std::string& name) {
  try {
    return name.empty() ? name : oci::parse_tagged_reference(name).text();
  } catch (const Error&) {
    return {};
  }
}

bool has_manifest(const Manifests& manifests, const oci::Digest& digest) {
  return std::ranges::any_of(manifests, [&](const auto& entry) { return entry.manifest.digest == digest; });
}

// A manifest that loses its name stays in the list, unless another name has it.
void put(Manifests& manifests, const NamedManifest& added) {
  if (added.name.empty()) {
    if (!has_manifest(manifests, added.manifest.digest)) manifests.push_back(added);
    return;
  }
  std::erase_if(manifests, [&](const auto& entry) {
    return entry.name.empty() && entry.manifest.digest == added.manifest.digest;
  });
  const auto same = std::ranges::find(manifests, added.name, &NamedManifest::name);
  if (same == manifests.end()) return manifests.push_back(added);
  NamedManifest before = std::exchange(*same, added);
  before.name.clear();
  put(manifests, before);
}

Manifests read_own_list(const HostPath& root) {
  const auto text = sys::try_read_file(sys::here, own_list(root).value, largest_list);
  Manifests manifests;
  if (!text) return manifests;
  const std::string path = own_list(root).value;
  Step step("read", path);
  const json::value document = json::parse(*text);
  const json::object& object = json::as_object(document);
  if (const auto version = json::integer_field(object, "version"); version != layout_version)
    throw Error(ErrorKind::invalid,
                format("its version is {}, and this program knows {}", version, layout_version));
  const auto* entries = json::part(document, "images").if_array();
  if (!entries) throw Error(ErrorKind::invalid, "the field images is missing or no array");
  for (const auto& entry : *entries) {
    const json::object& fields = json::as_object(entry);
    NamedManifest manifest{.name = json::text_field(fields, "name"),
                           .manifest = oci::parse_descriptor(json::part(entry, "manifest"))};
    if (fields.contains("pulled")) manifest.pulled = oci::parse_digest(json::text_field(fields, "pulled"));
    manifests.push_back(std::move(manifest));
  }
  return manifests;
}

std::vector<oci::Descriptor> parse_public_list(const HostPath& root, const std::string& text) {
  const std::string path = public_list(root).value;
  Step step("read", path);
  return oci::parse_index(text).manifests;
}

// Other programs write it in place: for a moment it may be no JSON.
std::string read_public_list(const HostPath& root, sys::Fd file) {
  constexpr int tries = 50;
  for (int i = 1;; i++) {
    if (::lseek(file.number(), 0, SEEK_SET) != 0)
      throw system_error(format("cannot read {}", public_list(root).value));
    std::string text = sys::read_all(file, static_cast<std::size_t>(largest_list));
    try {
      parse_public_list(root, text);
      return text;
    } catch (const Error&) {
      if (i == tries) throw;
    }
    const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

bool is_same(const oci::Descriptor& one, const oci::Descriptor& other) {
  return one.digest == other.digest && one.annotations == other.annotations;
}

// What other programs have put into their list, besides what was `seen` there before. One of these may have
// read it before we wrote and written it after us: so what is missing there counts for nothing, and what is
// different does.
void merge(Manifests& manifests, std::vector<oci::Descriptor> theirs,
           const std::vector<oci::Descriptor>& seen) {
  for (auto& descriptor : theirs) {
    if (!oci::is_manifest(descriptor.media_type) && !oci::is_index(descriptor.media_type)) continue;
    if (std::ranges::any_of(seen, [&](const auto& other) { return is_same(descriptor, other); })) continue;
    const auto name = descriptor.annotations.find(oci::name_annotation);
    NamedManifest entry{
        .name = whole_name(name == descriptor.annotations.end() ? std::string() : name->second),
        .manifest = std::move(descriptor)};
    entry.manifest.annotations.clear();
    const auto same = std::ranges::find(manifests, entry.name, &NamedManifest::name);
    const bool is_known =
        !entry.name.empty() && same != manifests.end() && same->manifest.digest == entry.manifest.digest;
    if (!is_known) put(manifests, entry);
  }
}

void leave_out_the_missing(const HostPath& root, Manifests& manifests) {
  std::erase_if(manifests, [&](const auto& entry) { return !has_blob(root, entry.manifest.digest); });
}

Manifests read_lists(const HostPath& root) {
  Manifests manifests = read_own_list(root);
  const sys::UniqueFd file = sys::try_open_at(sys::here, public_list(root).value, O_RDONLY);
  if (!file && errno != ENOENT) throw system_error(format("cannot open {}", public_list(root).value));
  if (file) merge(manifests, parse_public_list(root, read_public_list(root, file)), {});
  leave_out_the_missing(root, manifests);
  return manifests;
}

// The public list first: who dies in between has changed it, as another program might have.
void write_lists(const HostPath& root, const Manifests& manifests) {
  oci::Index index;
  json::array entries;
  for (const auto& entry : manifests) {
    oci::Descriptor descriptor = entry.manifest;
    if (!entry.name.empty()) descriptor.annotations[oci::name_annotation] = entry.name;
    index.manifests.push_back(std::move(descriptor));
    json::object fields{{"name", entry.name}, {"manifest", oci::to_json(entry.manifest)}};
    if (entry.pulled) fields["pulled"] = entry.pulled->value;
    entries.push_back(std::move(fields));
  }
  sys::replace_synced_file(public_list(root), oci::to_text(index) + "\n");
  sys::replace_synced_file(
      own_list(root),
      json::compact(json::object{{"version", layout_version}, {"images", std::move(entries)}}) + "\n", 0600);
}

// Locked only for the moment in which the lists are read and replaced. Who does not know of the lock may
// write into the file that is replaced in that moment: that counts, too.
template <typename Change>
auto change_lists(const HostPath& root, Change change) {
  make_image_layout(root);
  const sys::UniqueFd lock = sys::open_at(sys::here, (root / "images/lock").value, O_RDWR | O_CREAT, 0600);
  sys::lock(lock);
  const sys::UniqueFd file = sys::open_at(sys::here, public_list(root).value, O_RDONLY);
  Manifests manifests = read_own_list(root);
  std::vector<oci::Descriptor> seen = parse_public_list(root, read_public_list(root, file));
  merge(manifests, seen, {});
  leave_out_the_missing(root, manifests);
  const auto result = change(manifests);
  write_lists(root, manifests);
  for (;;) {
    auto theirs = parse_public_list(root, read_public_list(root, file));
    if (std::ranges::equal(theirs, seen, is_same)) return result;
    merge(manifests, theirs, seen);
    write_lists(root, manifests);
    seen = std::move(theirs);
  }
}

const oci::Descriptor& own_manifest(const oci::Index& index) {
  const oci::Platform own = oci::own_platform();
  if (const auto* found = oci::find_platform(index, own)) return *found;
  if (index.manifests.size() == 1 && !index.manifests[0].platform) return index.manifests[0];
  throw Error(ErrorKind::not_found, format("it has nothing for {}", oci::text_of(own)));
}

bool begins_with(const oci::Digest& digest, std::string_view text) {
  return digest.value.starts_with(text) || digest.hex().starts_with(text);
}

bool may_be_id(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<oci::Reference> try_reference(const std::string& text) {
  try {
    return oci::parse_tagged_reference(text);
  } catch (const Error&) {
    if (may_be_id(text)) return std::nullopt;
    throw;
  }
}

std::optional<NamedManifest> find_in(const Manifests& manifests, const oci::Reference& reference) {
  for (const auto& entry : manifests) {
    if (entry.name.empty()) continue;
    if (!reference.digest) {
      if (entry.name == reference.text()) return entry;
      continue;
    }
    // A digest says all: the tag beside it is for people.
    const bool is_it = entry.manifest.digest == *reference.digest || entry.pulled == reference.digest;
    if (is_it && oci::parse_reference(entry.name).repository() == reference.repository()) return entry;
  }
  return std::nullopt;
}

void collect_entries(Image& image, const Manifests& manifests) {
  for (const auto& entry : manifests)
    if (entry.manifest.digest == image.entries.front().manifest.digest &&
        entry.name != image.entries.front().name)
      image.entries.push_back(entry);
}

}  // namespace

HostPath image_layer_tree(const HostPath& root, const oci::Digest& layer) {
  return tree_of(root, LayerId(layer.value), LayerKind::overlay);
}

bool has_image_layer(const HostPath& root, const oci::Digest& layer) {
  return sys::exists(sys::here, image_layer_tree(root, layer).value);
}

HostPath empty_layer_tree(const HostPath& root) {
  const HostPath tree = root / "image-layers/empty/tree";
  sys::make_directories(sys::here, tree.value);
  return tree;
}

std::vector<NamedManifest> list_manifests(const HostPath& root) { return read_lists(root); }

void add_manifest(const HostPath& root, const NamedManifest& manifest) {
  change_lists(root, [&](Manifests& manifests) {
    put(manifests, manifest);
    return true;
  });
}

bool remove_name(const HostPath& root, const std::string& name, const oci::Digest& manifest,
                 bool keep_manifest) {
  note_garbage(root);
  return change_lists(root, [&](Manifests& manifests) {
    const auto found = std::ranges::find(manifests, name, &NamedManifest::name);
    if (found == manifests.end() || found->manifest.digest != manifest) return false;
    NamedManifest nameless = *found;
    nameless.name.clear();
    manifests.erase(found);
    if (keep_manifest) put(manifests, nameless);
    return true;
  });
}

void remove_manifest(const HostPath& root, const oci::Digest& manifest) {
  note_garbage(root);
  change_lists(root, [&](Manifests& manifests) {
    return std::erase_if(manifests, [&](const auto& entry) { return entry.manifest.digest == manifest; });
  });
}

std::vector<std::string> Image::tags() const {
  std::vector<std::string> tags;
  for (const auto& entry : entries)
    if (!entry.name.empty())
      if (const auto reference = oci::parse_reference(entry.name); !reference.tag.empty())
        tags.push_back(reference.short_repository() + ":" + reference.tag);
  return tags;
}

std::vector<std::string> Image::repository_digests() const {
  std::vector<std::string> digests;
  for (const auto& entry : entries)
    if (!entry.name.empty()) {
      std::string text = oci::parse_reference(entry.name).short_repository() + "@" +
                         entry.pulled.value_or(entry.manifest.digest).value;
      if (std::ranges::find(digests, text) == digests.end()) digests.push_back(std::move(text));
    }
  return digests;
}

Image read_image(const HostPath& root, const NamedManifest& entry) {
  Image image{.manifest_descriptor = entry.manifest, .manifest = {}, .config = {}, .entries = {entry}};
  if (oci::is_index(entry.manifest.media_type))
    image.manifest_descriptor =
        own_manifest(oci::parse_index(read_blob(root, entry.manifest.digest, oci::largest_manifest)));
  image.manifest =
      oci::parse_manifest(read_blob(root, image.manifest_descriptor.digest, oci::largest_manifest));
  image.config = oci::parse_image_config(read_blob(root, image.manifest.config.digest, oci::largest_config));
  if (image.config.layers.size() != image.manifest.layers.size())
    throw Error(ErrorKind::invalid, format("its manifest has {} layers, and its config {}",
                                           image.manifest.layers.size(), image.config.layers.size()));
  return image;
}

std::vector<Image> list_images(const HostPath& root, std::vector<std::string>& problems) {
  std::vector<Image> images;
  const Manifests manifests = list_manifests(root);
  for (const auto& entry : manifests) {
    const auto same = std::ranges::find(images, entry.manifest.digest, [](const Image& image) {
      return image.entries.front().manifest.digest;
    });
    if (same != images.end()) {
      same->entries.push_back(entry);
      continue;
    }
    try {
      images.push_back(read_image(root, entry));
    } catch (const Error& error) {
      problems.push_back(format("image {}: {}", entry.name.empty() ? entry.manifest.digest.value : entry.name,
                                error.what()));
    }
  }
  std::ranges::stable_sort(images, std::ranges::greater(),
                           [](const Image& image) { return image.config.created.value_or(Time()); });
  return images;
}

std::optional<NamedManifest> find_name(const HostPath& root, const oci::Reference& reference) {
  return find_in(list_manifests(root), reference);
}

std::string name_in(const Image& image, const std::string& name_or_id) {
  const auto reference = try_reference(name_or_id);
  if (!reference || reference->digest) return {};
  const auto entry = std::ranges::find(image.entries, reference->text(), &NamedManifest::name);
  return entry == image.entries.end() ? std::string() : entry->name;
}

std::optional<Image> find_image(const HostPath& root, const std::string& name_or_id) {
  const auto reference = try_reference(name_or_id);
  const Manifests manifests = list_manifests(root);
  if (reference)
    if (const auto entry = find_in(manifests, *reference)) {
      Image image = read_image(root, *entry);
      collect_entries(image, manifests);
      return image;
    }
  if (!may_be_id(name_or_id)) return std::nullopt;
  std::vector<std::string> problems;
  std::optional<Image> found;
  for (auto& image : list_images(root, problems)) {
    if (!begins_with(image.id(), name_or_id) && !begins_with(image.manifest_descriptor.digest, name_or_id))
      continue;
    if (found && found->id() != image.id())
      throw Error(ErrorKind::invalid, format("several images have an id that begins with {}", name_or_id), 0,
                  "give more of it: `tare images --no-trunc` shows all");
    found = std::move(image);
  }
  return found;
}

}  // namespace tare::store
