// Blobs of images, named by what is in them: ROOT/images is an OCI image layout (image-spec,
// image-layout.md), which other programs read and write, too.
//
//   images/oci-layout                 which makes it one
//   images/blobs/sha256/HEX           whole and synced; appears by one rename
//   images/partial/HEX                what is there so far of one that is being fetched; flocked by who does
//   it images/partial/new-RANDOM         one whose digest is not known yet; flocked by its maker
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace tare::store {

/// The time of modification of every blob that tare has made: others' have the time at which they came.
inline constexpr time_t blob_time = 0;

/// Makes the layout's directories and files where they are missing.
void make_image_layout(const HostPath& root);

HostPath blob_path(const HostPath& root, const oci::Digest& digest);
bool has_blob(const HostPath& root, const oci::Digest& digest);
/// Throws Error{not_found} when it is missing.
sys::UniqueFd open_blob(const HostPath& root, const oci::Digest& digest);
/// At most `limit` bytes, else throws Error{invalid}. What it holds is what was verified when it came.
std::string read_blob(const HostPath& root, const oci::Digest& digest, Bytes limit);

/// A blob in the making whose digest is known only when it is whole. Gone with this object unless it is kept.
class NewBlob {
 public:
  explicit NewBlob(const HostPath& root);
  ~NewBlob();
  NewBlob(const NewBlob&) = delete;
  NewBlob& operator=(const NewBlob&) = delete;
  void add(std::string_view bytes);
  Bytes size() const { return size_; }
  sys::Fd file() const { return file_; }
  /// Syncs it and gives it its name; `digest` is that of all that was added, as the caller has computed it.
  void keep(const oci::Digest& digest);

 private:
  HostPath root_;
  std::string name_;
  sys::UniqueFd file_;
  Bytes size_ = 0;
};

/// A whole file that lies elsewhere in the store becomes a blob, by another name for the same file.
void keep_file(const HostPath& root, sys::Fd file, const oci::Digest& digest);

/// A blob with a known digest in the making: what is there of it stays for the next who tries.
class PartialBlob {
 public:
  /// Waits for whoever else is making it; nullopt: it is whole now.
  static std::optional<PartialBlob> try_open(const HostPath& root, const oci::Digest& digest);

  /// How much there is, from the beginning.
  Bytes size() const { return size_; }
  sys::Fd file() const { return file_; }
  void add(std::string_view bytes);
  /// All that is there was wrong.
  void start_again();
  /// As NewBlob::keep().
  void keep();

 private:
  PartialBlob(const HostPath& root, oci::Digest digest, sys::UniqueFd file, Bytes size);

  HostPath root_;
  oci::Digest digest_;
  sys::UniqueFd file_;
  Bytes size_ = 0;
};

/// Removes the partial blobs that nobody is at; how many bytes that frees.
Bytes remove_partial_blobs(const HostPath& root);

}  // namespace tare::store
