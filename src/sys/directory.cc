#include "sys/directory.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/file.h"

namespace tare::sys {

std::vector<DirectoryEntry> read_entries(Fd directory) {
  constexpr std::size_t size = 32768;
  alignas(dirent64) char buffer[size];
  std::vector<DirectoryEntry> entries;
  for (;;) {
    const ssize_t n = ::getdents64(directory.number(), buffer, size);
    // ENOENT: it was removed while it was open.
    if (n == 0 || (n < 0 && errno == ENOENT)) return entries;
    if (n < 0) throw system_error("cannot read a directory");
    for (ssize_t at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        entries.push_back({std::string(name), static_cast<ino_t>(entry->d_ino), entry->d_type});
      at += entry->d_reclen;
    }
  }
}

FileIdentity identify(Fd file) {
  struct stat status;
  if (::fstat(file.number(), &status) != 0) throw system_error("cannot read a file's status");
  return {status.st_dev, status.st_ino};
}

UniqueFd open_parent(Fd directory, const FileIdentity& parent) {
  UniqueFd fd = open_at(directory, "..", O_RDONLY | O_DIRECTORY);
  if (identify(fd) != parent) throw Error(ErrorKind::conflict, "a directory was moved meanwhile");
  return fd;
}

}  // namespace tare::sys
