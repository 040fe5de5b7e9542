// Files and directories of the host. Every descriptor made here is close-on-exec.
//
// Names: `x()` throws tare::Error naming the path, `try_x()` returns what the caller branches on (an invalid
// UniqueFd, false or nullopt with errno set). A path is relative to `directory` unless it starts with `/`;
// `here` is the working directory.
#pragma once

#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::sys {

inline constexpr Fd here{AT_FDCWD};

/// An errno that says nothing of the file that was asked for, but that a device fails or that something has
/// run out: no answer, where a missing file would be one. Those of the `try_x()` that can throw throw it.
bool is_breakdown(int error_number) noexcept;

UniqueFd open_at(Fd directory, const std::string& path, int flags, mode_t mode = 0);
UniqueFd try_open_at(Fd directory, const std::string& path, int flags, mode_t mode = 0) noexcept;

/// Whole contents. At most `limit` bytes, else throws Error{invalid}.
std::string read_file(Fd directory, const std::string& path, std::size_t limit = 16 << 20);
/// nullopt when the file does not exist or may not be read (errno says which).
std::optional<std::string> try_read_file(Fd directory, const std::string& path, std::size_t limit = 16 << 20);
std::string read_all(Fd file, std::size_t limit = 16 << 20);
/// As try_read_file, by one read(2) where that is enough: of a file on a disk, or of one of the kernel's that
/// says a single thing.
std::optional<std::string> try_read_at_once(Fd directory, const std::string& path);

/// One write(2) of all of `text` to an existing file, as /proc, /sys and cgroup files want it.
void write_to(Fd directory, const std::string& path, std::string_view text);
bool try_write_to(Fd directory, const std::string& path, std::string_view text) noexcept;
/// Writes all, over as many write(2) as it takes.
void write_all(Fd file, std::string_view text);

/// Replaces `path` by a file with this text: a temporary name beside it, then rename(2). Not fsynced.
void replace_file(Fd directory, const std::string& path, std::string_view text, mode_t mode = 0644);
/// The same, and on the disk when this returns.
void replace_synced_file(const HostPath& path, std::string_view text, mode_t mode = 0644);
/// The names in it are on the disk when this returns.
void sync_directory(const HostPath& path);
/// Creates the file; throws Error{conflict} when the name is taken (O_EXCL).
void create_file(Fd directory, const std::string& path, std::string_view text, mode_t mode = 0644);

void make_directory(Fd directory, const std::string& path, mode_t mode = 0755);
/// False when it exists already (as anything).
bool try_make_directory(Fd directory, const std::string& path, mode_t mode = 0755);
/// mkdir -p; what exists is left as it is.
void make_directories(Fd directory, const std::string& path, mode_t mode = 0755);

bool exists(Fd directory, const std::string& path);
std::optional<struct stat> try_status(Fd directory, const std::string& path, int flags = 0);
std::optional<std::string> try_read_link(Fd directory, const std::string& path);
/// Names in the directory without `.` and `..`, sorted; empty when it does not exist.
std::vector<std::string> list_directory(Fd directory, const std::string& path);

/// unlink(2); true when there was something.
bool remove_file(Fd directory, const std::string& path);
/// rm -rf by descriptors: follows no symlink, crosses no mount point. What is gone already is no error.
void remove_tree(Fd directory, const std::string& path);

/// Takes the lock on an open file, which ends with its last holder (flock(2)). False: someone else holds it.
bool try_lock(Fd file);
void lock(Fd file);

/// realpath(3); throws Error{not_found} or the kernel's error naming the path.
HostPath canonical(const HostPath& path);

}  // namespace tare::sys
