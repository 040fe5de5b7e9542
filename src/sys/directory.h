// Walking a tree of any depth with one descriptor: what is in a directory, and the way back up from it.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::sys {

struct DirectoryEntry {
  std::string name;
  ino_t inode;
  unsigned char kind;  ///< DT_DIR, … of dirent.h; DT_UNKNOWN where the file system does not say
};

/// All but `.` and `..`, as the kernel orders them. `directory` is open for reading and not read from yet.
std::vector<DirectoryEntry> read_entries(Fd directory);

/// Which file this is, as long as it is held open or one of its descendants is.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identify(Fd file);

/// The directory one came from: opens `..` and throws Error{conflict} where that is no longer `parent`, as
/// when `directory` was moved meanwhile.
UniqueFd open_parent(Fd directory, const FileIdentity& parent);

}  // namespace tare::sys
