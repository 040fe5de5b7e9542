#include "archive/tar_writer.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unordered_map>
#include <vector>

#include "archive/metadata.h"
#include "archive/tar_header.h"
#include "archive/whiteout.h"
#include "base/error.h"
#include "base/format.h"
#include "base/types.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace tare::archive {
namespace {

constexpr std::size_t piece_size = 256 << 10;
constexpr std::size_t attributes_limit = 64 << 10;  // of a list or a value (xattr(7))

/// The archive's bytes on their way out, in large pieces.
class Output {
 public:
  explicit Output(const ByteSink& sink) : sink_(sink) { buffer_.reserve(2 * piece_size); }

  void write(std::string_view bytes) {
    buffer_.append(bytes);
    size_ += bytes.size();
    if (buffer_.size() >= piece_size) flush();
  }
  void write_zeros(std::size_t count) {
    static constexpr char zeros[tar_block] = {};
    for (; count > 0; count -= std::min(count, tar_block)) write({zeros, std::min(count, tar_block)});
  }
  void fill_block() { write_zeros((tar_block - size_ % tar_block) % tar_block); }
  void flush() {
    sink_(buffer_);
    buffer_.clear();
  }

 private:
  const ByteSink& sink_;
  std::string buffer_;
  std::uint64_t size_ = 0;
};

struct OpenFile {
  int fd;
  ssize_t list(char* names, std::size_t size) const { return ::flistxattr(fd, names, size); }
  ssize_t get(const char* name, char* value, std::size_t size) const {
    return ::fgetxattr(fd, name, value, size);
  }
};

/// In the working directory, which is the entry's; a single name, so nothing is followed. There is no call
/// with a directory before Linux 6.13, and the confined process has no /proc.
struct NamedFile {
  const char* path;
  ssize_t list(char* names, std::size_t size) const { return ::llistxattr(path, names, size); }
  ssize_t get(const char* name, char* value, std::size_t size) const {
    return ::lgetxattr(path, name, value, size);
  }
};

constexpr std::string_view prefix_of(UpperMarks marks) {
  return marks == UpperMarks::trusted ? "trusted.overlay." : "user.overlay.";
}

// What overlayfs writes where it saves itself a copy: the rest of the file is in a lower layer, by another
// name.
void refuse_incomplete(std::string_view attribute, UpperMarks marks) {
  if (!attribute.starts_with(prefix_of(marks))) return;
  const std::string_view mark = attribute.substr(prefix_of(marks).size());
  if (mark == "redirect" || mark == "metacopy")
    throw Error(ErrorKind::invalid,
                format("not all of it is in the overlay's upper directory ({})", attribute));
}

template <typename File>
std::vector<Attribute> read_attributes(const File& file, std::optional<UpperMarks> marks) {
  std::vector<Attribute> attributes;
  ssize_t size = file.list(nullptr, 0);
  if (size == 0 || (size < 0 && (errno == EOPNOTSUPP || errno == ENOENT))) return attributes;
  std::string names(attributes_limit, '\0');
  if (size > 0) size = file.list(names.data(), names.size());
  if (size < 0) throw system_error("cannot list its attributes");
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const char* name = names.c_str() + at;
    at += std::string_view(name).size() + 1;
    if (marks) refuse_incomplete(name, *marks);
    if (!is_kept_attribute(name)) continue;
    std::string value(attributes_limit, '\0');
    const ssize_t n = file.get(name, value.data(), value.size());
    if (n < 0 && (errno == ENODATA || errno == ENOENT)) continue;
    if (n < 0) throw system_error(format("cannot read its attribute {}", name));
    value.resize(static_cast<std::size_t>(n));
    attributes.push_back({name, std::move(value)});
  }
  std::ranges::sort(attributes, {}, &Attribute::name);
  return attributes;
}

EntryKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return EntryKind::directory;
    case S_IFLNK: return EntryKind::symlink;
    case S_IFCHR: return EntryKind::character_device;
    case S_IFBLK: return EntryKind::block_device;
    case S_IFIFO: return EntryKind::fifo;
    default: return EntryKind::file;
  }
}

class TarWriter {
 public:
  /// With `marks` a layer.
  TarWriter(sys::Fd root, std::optional<UpperMarks> marks, const ByteSink& sink)
      : root_(root), marks_(marks), output_(sink), piece_(piece_size) {}
  WrittenTree run();

 private:
  /// A directory of the chain from the top to the current one, the only one that is open and the working
  /// directory: names are looked up in it, and no depth runs out of descriptors.
  struct Level {
    sys::FileIdentity identity;
    std::vector<sys::DirectoryEntry> entries;  ///< yet to be written, the last one first
    std::size_t path_size;                     ///< of the directory's path
  };
  struct Link {
    std::string path;
    nlink_t missing;  ///< names not met yet
  };
  struct HashIdentity {
    std::size_t operator()(const sys::FileIdentity& file) const noexcept {
      return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
  };

  void enter(sys::UniqueFd directory);
  void leave();
  void write_marks(std::vector<sys::DirectoryEntry>& entries);
  void write_whiteout(std::string_view name);
  void write_entry(const std::string& name);
  void write_directory(sys::UniqueFd directory);
  /// False: it is gone.
  bool write_file(const std::string& name);
  bool write_other(const std::string& name, const struct stat& status);
  bool try_write_link(const struct stat& status);
  Entry entry_for(const struct stat& status) const;

  sys::Fd root_;
  std::optional<UpperMarks> marks_;
  Output output_;
  WrittenTree written_;
  sys::UniqueFd directory_;
  std::vector<Level> levels_;
  std::string path_;  ///< of the entry being written: "bin/sh"; with a slash at the end for a directory
  std::unordered_map<sys::FileIdentity, Link, HashIdentity> links_;
  std::vector<char> piece_;
};

sys::FileIdentity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

WrittenTree TarWriter::run() {
  write_directory(sys::open_at(root_, ".", O_RDONLY | O_DIRECTORY));
  while (!levels_.empty()) {
    if (levels_.back().entries.empty()) {
      leave();
      continue;
    }
    const std::string name = std::move(levels_.back().entries.back().name);
    levels_.back().entries.pop_back();
    path_.resize(levels_.back().path_size);
    path_ += name;
    const std::string shown = path_.substr(0, 255);
    Step step("export", shown);
    write_entry(name);
  }
  output_.write_zeros(2 * tar_block);
  output_.flush();
  return written_;
}

void TarWriter::enter(sys::UniqueFd directory) {
  directory_ = std::move(directory);
  if (::fchdir(directory_.number()) != 0) throw system_error("cannot enter the directory");
  std::vector<sys::DirectoryEntry> entries = sys::read_entries(directory_);
  std::ranges::sort(entries, std::ranges::greater(), &sys::DirectoryEntry::name);
  if (marks_) write_marks(entries);
  levels_.push_back({sys::identify(directory_), std::move(entries), path_.size()});
}

/// Of the directory that was entered; what is a mark is taken out of `entries`.
void TarWriter::write_marks(std::vector<sys::DirectoryEntry>& entries) {
  char value = 0;
  const char* opaque = *marks_ == UpperMarks::trusted ? trusted_opaque : user_opaque;
  if (::fgetxattr(directory_.number(), opaque, &value, 1) == 1 && value == 'y')
    write_whiteout(opaque_whiteout);
  const auto is_mark = [&](const sys::DirectoryEntry& entry) {
    if (entry.kind != DT_CHR && entry.kind != DT_UNKNOWN) return false;
    const auto status = sys::try_status(directory_, entry.name, AT_SYMLINK_NOFOLLOW);
    return status && is_whiteout(*status);
  };
  const auto marks = std::stable_partition(entries.begin(), entries.end(), std::not_fn(is_mark));
  for (auto mark = entries.end(); mark != marks;)
    write_whiteout(std::string(whiteout_prefix) + (--mark)->name);
  entries.erase(marks, entries.end());
}

// It is nothing but a name.
void TarWriter::write_whiteout(std::string_view name) {
  const std::string path = path_ + std::string(name);
  output_.write(make_tar_header({.kind = EntryKind::file, .name = path, .target = {}}, {}));
}

void TarWriter::leave() {
  levels_.pop_back();
  if (levels_.empty()) return;
  directory_ = sys::open_parent(directory_, levels_.back().identity);
  if (::fchdir(directory_.number()) != 0) throw system_error("cannot go back to a directory");
}

void TarWriter::write_entry(const std::string& name) {
  const auto status = sys::try_status(directory_, name, AT_SYMLINK_NOFOLLOW);
  if (!status && errno == ENOENT) return;
  if (!status) throw system_error("cannot read its status");
  if (S_ISSOCK(status->st_mode)) {
    written_.sockets++;
    return;
  }
  if (marks_ && name.starts_with(whiteout_prefix))
    throw Error(ErrorKind::invalid, "a file of such a name cannot be in a layer: it would hide another one");
  if (S_ISDIR(status->st_mode)) {
    sys::UniqueFd fd = sys::try_open_at(directory_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return;  // replaced meanwhile
    if (!fd) throw system_error("cannot open it");
    return write_directory(std::move(fd));
  }
  if (status->st_nlink > 1 && try_write_link(*status)) return;
  const bool was_written = S_ISREG(status->st_mode) ? write_file(name) : write_other(name, *status);
  if (was_written && status->st_nlink > 1)
    links_.emplace(identity_of(*status), Link{path_, status->st_nlink - 1});
}

Entry TarWriter::entry_for(const struct stat& status) const {
  return {.kind = kind_of(status.st_mode),
          .name = path_,
          .target = {},
          .mode = status.st_mode & 07777,
          .uid = status.st_uid,
          .gid = status.st_gid,
          .modified = status.st_mtim,
          .device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? status.st_rdev : 0,
          .size = status.st_size};
}

void TarWriter::write_directory(sys::UniqueFd directory) {
  struct stat status;
  if (::fstat(directory.number(), &status) != 0) throw system_error("cannot read its status");
  path_ += levels_.empty() ? "./" : "/";
  output_.write(make_tar_header(entry_for(status), read_attributes(OpenFile{directory.number()}, marks_)));
  if (levels_.empty()) path_.clear();
  enter(std::move(directory));
}

bool TarWriter::write_file(const std::string& name) {
  const sys::UniqueFd fd = sys::try_open_at(directory_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!fd && (errno == ENOENT || errno == ELOOP || errno == ENXIO)) return false;
  struct stat status;
  if (!fd || ::fstat(fd.number(), &status) != 0) throw system_error("cannot open it");
  if (!S_ISREG(status.st_mode)) return false;
  output_.write(make_tar_header(entry_for(status), read_attributes(OpenFile{fd.number()}, marks_)));
  std::size_t left = static_cast<std::size_t>(status.st_size);
  while (left > 0) {
    const ssize_t n = ::read(fd.number(), piece_.data(), std::min(piece_.size(), left));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read it");
    if (n == 0) break;  // it shrank
    output_.write({piece_.data(), static_cast<std::size_t>(n)});
    left -= static_cast<std::size_t>(n);
  }
  output_.write_zeros(left);
  output_.fill_block();
  return true;
}

bool TarWriter::write_other(const std::string& name, const struct stat& status) {
  Entry entry = entry_for(status);
  std::optional<std::string> target;
  if (S_ISLNK(status.st_mode)) {
    target = sys::try_read_link(directory_, name);
    if (!target) return false;
    entry.target = *target;
  }
  output_.write(make_tar_header(entry, read_attributes(NamedFile{name.c_str()}, marks_)));
  return true;
}

bool TarWriter::try_write_link(const struct stat& status) {
  const auto found = links_.find(identity_of(status));
  if (found == links_.end()) return false;
  Entry entry = entry_for(status);
  entry.kind = EntryKind::hard_link;
  entry.target = found->second.path;
  output_.write(make_tar_header(entry, {}));
  if (--found->second.missing == 0) links_.erase(found);
  return true;
}

}  // namespace

void write_tar(sys::Fd root, sys::Fd output) {
  const ByteSink sink = [&](std::string_view bytes) { sys::write_all(output, bytes); };
  write_tar(root, sink);
}

WrittenTree write_tar(sys::Fd root, const ByteSink& sink) {
  return TarWriter(root, std::nullopt, sink).run();
}

WrittenTree write_layer(sys::Fd upper, UpperMarks marks, const ByteSink& sink) {
  return TarWriter(upper, marks, sink).run();
}

}  // namespace tare::archive
