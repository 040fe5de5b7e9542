#include "store/blobs.h"

#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "oci/image.h"
#include "sys/file.h"
#include "sys/random.h"

namespace tare::store {
namespace {

constexpr mode_t private_mode = 0700;

HostPath partial_path(const HostPath& root, std::string_view name) { return root / "images/partial" / name; }

bool is_gone(sys::Fd file) {
  struct stat status;
  if (::fstat(file.number(), &status) != 0) throw system_error("cannot look at a blob");
  return status.st_nlink == 0;
}

void make_blob_of(sys::Fd file) {
  const timespec times[2] = {{.tv_sec = blob_time, .tv_nsec = 0}, {.tv_sec = blob_time, .tv_nsec = 0}};
  if (::fchmod(file.number(), 0644) != 0 || ::futimens(file.number(), times) != 0 ||
      ::fsync(file.number()) != 0)
    throw system_error("cannot write it to the disk");
}

// What is in the file comes to the disk before its name, and its name before anybody hears of it.
void give_name(const HostPath& root, sys::Fd file, const HostPath& from, const oci::Digest& digest) {
  const HostPath path = blob_path(root, digest);
  make_blob_of(file);
  if (::rename(from.c_str(), path.c_str()) != 0)
    throw system_error(format("cannot rename {} to {}", from.value, path.value));
  sys::sync_directory(root / "images/blobs/sha256");
}

}  // namespace

void make_image_layout(const HostPath& root) {
  const HostPath mark = root / "images/oci-layout";
  if (sys::exists(sys::here, mark.value)) return;
  sys::make_directories(sys::here, root.value, 0711);
  for (const char* name : {"images", "images/blobs", "images/blobs/sha256", "images/partial"})
    sys::try_make_directory(sys::here, (root / name).value, private_mode);
  const sys::UniqueFd lock = sys::open_at(sys::here, (root / "images/lock").value, O_RDWR | O_CREAT, 0600);
  sys::lock(lock);
  if (!sys::exists(sys::here, (root / "images/index.json").value))
    sys::replace_file(sys::here, (root / "images/index.json").value, oci::to_text(oci::Index()));
  if (!sys::exists(sys::here, mark.value))
    sys::replace_file(sys::here, mark.value, R"({"imageLayoutVersion":"1.0.0"})");
}

HostPath blob_path(const HostPath& root, const oci::Digest& digest) {
  return root / "images/blobs/sha256" / digest.hex();
}

bool has_blob(const HostPath& root, const oci::Digest& digest) {
  return sys::exists(sys::here, blob_path(root, digest).value);
}

sys::UniqueFd open_blob(const HostPath& root, const oci::Digest& digest) {
  const HostPath path = blob_path(root, digest);
  sys::UniqueFd file = sys::try_open_at(sys::here, path.value, O_RDONLY | O_NOFOLLOW);
  if (!file && errno == ENOENT)
    throw Error(ErrorKind::not_found, format("the blob {} is missing", digest.value), 0,
                "pull or load the image again");
  if (!file) throw system_error(format("cannot open {}", path.value));
  return file;
}

std::string read_blob(const HostPath& root, const oci::Digest& digest, Bytes limit) {
  Step step("blob", digest.value);
  return sys::read_all(open_blob(root, digest), static_cast<std::size_t>(limit));
}

NewBlob::NewBlob(const HostPath& root) : root_(root) {
  for (;;) {
    name_ = "new-" + sys::random_hex(8);
    file_ = sys::open_at(sys::here, partial_path(root, name_).value, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (sys::try_lock(file_) && !is_gone(file_)) return;
  }
}

NewBlob::~NewBlob() {
  if (file_) ::unlink(partial_path(root_, name_).c_str());
}

void NewBlob::add(std::string_view bytes) {
  sys::write_all(file_, bytes);
  size_ += static_cast<Bytes>(bytes.size());
}

void NewBlob::keep(const oci::Digest& digest) {
  Step step("keep blob", digest.value);
  give_name(root_, file_, partial_path(root_, name_), digest);
  file_.reset();
}

void keep_file(const HostPath& root, sys::Fd file, const oci::Digest& digest) {
  Step step("keep blob", digest.value);
  if (::fchown(file.number(), ::geteuid(), ::getegid()) != 0) throw system_error("cannot take it over");
  make_blob_of(file);
  const std::string from = format("/proc/self/fd/{}", file.number());
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, blob_path(root, digest).c_str(), AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST)
    throw system_error(format("cannot make {}", blob_path(root, digest).value));
  sys::sync_directory(root / "images/blobs/sha256");
}

PartialBlob::PartialBlob(const HostPath& root, oci::Digest digest, sys::UniqueFd file, Bytes size)
    : root_(root), digest_(std::move(digest)), file_(std::move(file)), size_(size) {}

std::optional<PartialBlob> PartialBlob::try_open(const HostPath& root, const oci::Digest& digest) {
  const HostPath path = partial_path(root, digest.hex());
  while (!has_blob(root, digest)) {
    sys::UniqueFd file = sys::open_at(sys::here, path.value, O_RDWR | O_CREAT, 0600);
    sys::lock(file);
    if (is_gone(file) || has_blob(root, digest)) continue;
    const off_t size = ::lseek(file.number(), 0, SEEK_END);
    if (size < 0) throw system_error(format("cannot look at {}", path.value));
    return PartialBlob(root, digest, std::move(file), size);
  }
  return std::nullopt;
}

void PartialBlob::add(std::string_view bytes) {
  sys::write_all(file_, bytes);
  size_ += static_cast<Bytes>(bytes.size());
}

void PartialBlob::start_again() {
  if (::ftruncate(file_.number(), 0) != 0 || ::lseek(file_.number(), 0, SEEK_SET) != 0)
    throw system_error("cannot begin a blob again");
  size_ = 0;
}

void PartialBlob::keep() {
  Step step("keep blob", digest_.value);
  give_name(root_, file_, partial_path(root_, digest_.hex()), digest_);
  file_.reset();
}

Bytes remove_partial_blobs(const HostPath& root) {
  Bytes freed = 0;
  for (const auto& name : sys::list_directory(sys::here, (root / "images/partial").value)) {
    const HostPath path = partial_path(root, name);
    const sys::UniqueFd file = sys::try_open_at(sys::here, path.value, O_RDWR | O_NOFOLLOW);
    if (!file || !sys::try_lock(file)) continue;
    struct stat status;
    if (::fstat(file.number(), &status) != 0 || status.st_nlink == 0) continue;
    freed += status.st_blocks * Bytes{512};
    sys::remove_file(sys::here, path.value);
  }
  return freed;
}

}  // namespace tare::store
