// Reads a tar's entries: ustar, GNU and pax, parsed by libarchive, names byte for byte.
#pragma once

#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <string_view>
#include <sys/types.h>

#include "archive/compression.h"

struct archive;
struct archive_entry;

namespace tare::archive {

enum class EntryKind { file, directory, symlink, hard_link, character_device, block_device, fifo };

/// One header; the views live until the next one is read.
struct Entry {
  EntryKind kind = EntryKind::file;
  std::string_view name;
  /// Of a symlink or a hard link.
  std::string_view target;
  mode_t mode = 0;  ///< permission bits, setuid, setgid and sticky
  std::int64_t uid = 0, gid = 0;
  timespec modified{};
  dev_t device = 0;
  Bytes size = 0;
};

/// A piece of a file's data; what lies between two pieces is a hole.
struct Piece {
  Bytes offset = 0;
  std::string_view bytes;
};

class TarReader {
 public:
  /// `read_more` is asked after every piece of the stream whether to go on; it throws to stop.
  TarReader(TarStream& stream, std::function<void()> read_more);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  /// False at the end. Throws Error{invalid} on what is not a tar archive, is damaged or ends early.
  bool next(Entry& entry);
  /// The current entry's data in order; false at its end.
  bool next(Piece& piece);
  /// The current entry's extended attributes.
  void for_each_attribute(const std::function<void(const char* name, std::string_view value)>& use);

 private:
  static ssize_t feed(struct archive* reader, void* self, const void** bytes);
  [[noreturn]] void fail();

  TarStream& stream_;
  std::function<void()> read_more_;
  std::exception_ptr thrown_;  ///< by feed(), which C code called
  struct archive* reader_;
  archive_entry* header_ = nullptr;
  bool any_ = false;
};

}  // namespace tare::archive
