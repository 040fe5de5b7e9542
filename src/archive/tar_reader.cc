#include "archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <string>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::archive {
namespace {

std::string_view text_of(const char* text) { return text ? std::string_view(text) : std::string_view(); }

// libarchive converts pax names to the locale's charset and keeps the bytes as they are where that fails. No
// program here calls setlocale(3), so in the C locale anything but ASCII "fails", and the bytes are exact.
bool is_about_charset(const char* message) {
  return text_of(message).find("can't be converted") != std::string_view::npos;
}

// Of "-1.5" libarchive (3.6) makes -1 second and, as though it were positive, half of one. Nothing is left of
// the sign of what is between -1 and 0.
timespec modified_time(archive_entry* header) {
  timespec time{.tv_sec = ::archive_entry_mtime(header), .tv_nsec = ::archive_entry_mtime_nsec(header)};
  if (time.tv_sec < 0 && time.tv_nsec > 0) time.tv_sec--, time.tv_nsec = 1'000'000'000 - time.tv_nsec;
  return time;
}

EntryKind kind_of(archive_entry* header) {
  if (::archive_entry_hardlink(header)) return EntryKind::hard_link;
  switch (::archive_entry_filetype(header)) {
    case AE_IFREG: return EntryKind::file;
    case AE_IFDIR: return EntryKind::directory;
    case AE_IFLNK: return EntryKind::symlink;
    case AE_IFCHR: return EntryKind::character_device;
    case AE_IFBLK: return EntryKind::block_device;
    case AE_IFIFO: return EntryKind::fifo;
    default: throw Error(ErrorKind::invalid, "of a type that is not known");
  }
}

}  // namespace

TarReader::TarReader(TarStream& stream, std::function<void()> read_more)
    : stream_(stream), read_more_(std::move(read_more)), reader_(::archive_read_new()) {
  if (!reader_) throw system_error(ENOMEM, "cannot read a tar archive");
  ::archive_read_support_format_tar(reader_);
  if (::archive_read_open(reader_, this, nullptr, &TarReader::feed, nullptr) != ARCHIVE_OK) {
    try {
      fail();
    } catch (...) {
      ::archive_read_free(reader_);
      throw;
    }
  }
}

TarReader::~TarReader() { ::archive_read_free(reader_); }

ssize_t TarReader::feed(struct archive* reader, void* self, const void** bytes) {
  auto& tar = *static_cast<TarReader*>(self);
  try {
    const std::string_view piece = tar.stream_.read();
    tar.read_more_();
    *bytes = piece.data();
    return static_cast<ssize_t>(piece.size());
  } catch (...) {
    tar.thrown_ = std::current_exception();
    ::archive_set_error(reader, EIO, "the stream ended in an error");
    return ARCHIVE_FATAL;
  }
}

void TarReader::fail() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  if (any_)
    throw Error(ErrorKind::invalid, format("the tar archive is damaged or ends early after {} bytes: {}",
                                           stream_.tar_bytes(), text_of(::archive_error_string(reader_))));
  if (stream_.raw_bytes() == 0) throw Error(ErrorKind::invalid, "not a tar archive: it is empty (0 bytes)");
  const std::string_view guess = recognise_foreign(stream_.head());
  if (stream_.compression() == Compression::none && !guess.empty())
    throw Error(ErrorKind::invalid, format("not a tar archive: it is {}", guess));
  const std::string_view inside = stream_.compression() == Compression::none ? "" : ": no tar inside the ";
  throw Error(ErrorKind::invalid,
              format("not a tar archive{}{}", inside, inside.empty() ? "" : name_of(stream_.compression())));
}

bool TarReader::next(Entry& entry) {
  const int result = ::archive_read_next_header(reader_, &header_);
  if (result == ARCHIVE_EOF && stream_.tar_bytes() > 0) return false;
  const bool usable =
      result == ARCHIVE_OK || (result == ARCHIVE_WARN && is_about_charset(::archive_error_string(reader_)));
  if (!usable) fail();
  any_ = true;
  entry.name = text_of(::archive_entry_pathname(header_));
  Step step("entry", entry.name.substr(0, 255));
  entry.kind = kind_of(header_);
  entry.target = text_of(entry.kind == EntryKind::hard_link ? ::archive_entry_hardlink(header_)
                                                            : ::archive_entry_symlink(header_));
  entry.mode = ::archive_entry_perm(header_);
  entry.uid = ::archive_entry_uid(header_);
  entry.gid = ::archive_entry_gid(header_);
  entry.modified = modified_time(header_);
  entry.device = ::archive_entry_rdev(header_);
  entry.size = ::archive_entry_size(header_);
  return true;
}

bool TarReader::next(Piece& piece) {
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = ::archive_read_data_block(reader_, &bytes, &size, &offset);
  if (result == ARCHIVE_EOF) return false;
  if (result != ARCHIVE_OK) fail();
  piece = {.offset = offset, .bytes = {static_cast<const char*>(bytes), size}};
  return true;
}

void TarReader::for_each_attribute(const std::function<void(const char* name, std::string_view value)>& use) {
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  ::archive_entry_xattr_reset(header_);
  while (::archive_entry_xattr_next(header_, &name, &value, &size) == ARCHIVE_OK)
    if (name) use(name, {static_cast<const char*>(value), size});
}

}  // namespace tare::archive
