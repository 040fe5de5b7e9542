#include "archive/file_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <memory>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::archive {
namespace {

constexpr std::size_t block = 1 << 18;

void check(::archive* archive, long result) {
  if (result < ARCHIVE_WARN)
    throw system_error(::archive_errno(archive),
                       format("cannot write the archive: {}", ::archive_error_string(archive)));
}

}  // namespace

FileArchive::FileArchive(sys::Fd output) : archive_(::archive_write_new()) {
  if (!archive_) throw system_error(ENOMEM, "cannot write an archive");
  // Plain ustar where that is enough, and a pax header for what is larger than 8 GiB.
  ::archive_write_set_format_pax_restricted(archive_);
  ::archive_write_set_bytes_in_last_block(archive_, 1);
  check(archive_, ::archive_write_open_fd(archive_, output.number()));
}

FileArchive::~FileArchive() { ::archive_write_free(archive_); }

void FileArchive::begin(const std::string& path, unsigned type, unsigned mode, Bytes size) {
  const std::unique_ptr<::archive_entry, decltype(&::archive_entry_free)> entry(::archive_entry_new(),
                                                                                ::archive_entry_free);
  ::archive_entry_set_pathname(entry.get(), path.c_str());
  ::archive_entry_set_filetype(entry.get(), type);
  ::archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
  ::archive_entry_set_size(entry.get(), size);
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  check(archive_, ::archive_write_header(archive_, entry.get()));
}

void FileArchive::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = ::archive_write_data(archive_, bytes.data(), bytes.size());
    check(archive_, written);
    if (written == 0) throw Error(ErrorKind::system, "a file grew while it was put into the archive");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void FileArchive::add_directory(const std::string& path) { begin(path + "/", AE_IFDIR, 0755, 0); }

void FileArchive::add(const std::string& path, std::string_view text) {
  begin(path, AE_IFREG, 0644, static_cast<Bytes>(text.size()));
  write(text);
}

void FileArchive::add(const std::string& path, sys::Fd file, Bytes size) {
  Step step("archive", path);
  begin(path, AE_IFREG, 0644, size);
  const auto buffer = std::make_unique_for_overwrite<char[]>(block);
  for (Bytes left = size; left > 0;) {
    const ssize_t n =
        ::read(file.number(), buffer.get(), std::min<std::size_t>(block, static_cast<std::size_t>(left)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read it");
    if (n == 0) throw Error(ErrorKind::invalid, "it is shorter than it should be");
    write({buffer.get(), static_cast<std::size_t>(n)});
    left -= n;
  }
}

void FileArchive::finish() { check(archive_, ::archive_write_close(archive_)); }

}  // namespace tare::archive
