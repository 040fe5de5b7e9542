// A tar archive of plain files that are made while it is written, or lie elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/types.h"
#include "sys/unique_fd.h"

struct archive;

namespace tare::archive {

/// Root's, mode 0644, of the epoch: the same files give the same bytes. Throws what the kernel says when
/// `output` cannot be written to.
class FileArchive {
 public:
  explicit FileArchive(sys::Fd output);
  ~FileArchive();
  FileArchive(const FileArchive&) = delete;
  FileArchive& operator=(const FileArchive&) = delete;

  void add_directory(const std::string& path);
  void add(const std::string& path, std::string_view text);
  /// `size` bytes of `file` from where it stands.
  void add(const std::string& path, sys::Fd file, Bytes size);
  /// To be called once, last.
  void finish();

 private:
  void begin(const std::string& path, unsigned type, unsigned mode, Bytes size);
  void write(std::string_view bytes);

  struct ::archive* archive_;
};

}  // namespace tare::archive
