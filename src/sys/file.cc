#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sys/file.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/directory.h"
#include "sys/missing_call.h"

namespace tare::sys {
namespace {

std::string quoted(std::string_view verb, const std::string& path) {
  return format("cannot {} {}", verb, path);
}

/// True when it is gone, false for a directory that is not empty.
bool try_remove(Fd parent, const std::string& name) {
  // EISDIR is Linux's word for "a directory"; EPERM, as POSIX has it, means an immutable file here.
  if (::unlinkat(parent.number(), name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR) throw system_error("cannot remove it");
  if (::unlinkat(parent.number(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno != ENOTEMPTY && errno != EEXIST) throw system_error("cannot remove it");
  return false;
}

// For a call that has failed.
void check_breakdown(std::string_view verb, const std::string& path) {
  if (is_breakdown(errno)) throw system_error(quoted(verb, path));
}

}  // namespace

bool is_breakdown(int error_number) noexcept {
  constexpr int breakdowns[] = {EIO, ENOMEM, ENOSPC, EMFILE, ENFILE};
  return std::ranges::find(breakdowns, error_number) != std::end(breakdowns);
}

UniqueFd try_open_at(Fd directory, const std::string& path, int flags, mode_t mode) noexcept {
  int fd;
  do fd = ::openat(directory.number(), path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

UniqueFd open_at(Fd directory, const std::string& path, int flags, mode_t mode) {
  UniqueFd fd = try_open_at(directory, path, flags, mode);
  if (!fd) throw system_error(quoted("open", path));
  return fd;
}

std::string read_all(Fd file, std::size_t limit) {
  std::string text;
  char buffer[16384];
  for (;;) {
    ssize_t n = ::read(file.number(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read");
    if (n == 0) return text;
    if (text.size() + static_cast<std::size_t>(n) > limit)
      throw Error(ErrorKind::invalid, format("larger than the limit of {} bytes", limit));
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string read_file(Fd directory, const std::string& path, std::size_t limit) {
  UniqueFd fd = open_at(directory, path, O_RDONLY);
  Step step("read", path);
  return read_all(fd, limit);
}

namespace {

template <typename Read>
std::optional<std::string> try_read(Fd directory, const std::string& path, Read read) {
  UniqueFd fd = try_open_at(directory, path, O_RDONLY);
  if (!fd) {
    check_breakdown("open", path);
    return std::nullopt;
  }
  Step step("read", path);
  try {
    return read(fd);
  } catch (const Error& error) {
    if (error.error_number() != ENODEV) throw;
    errno = ENODEV;  // of a cgroup or a process that went away since it was opened
    return std::nullopt;
  }
}

std::string read_at_once(Fd file) {
  char buffer[8192];
  ssize_t n;
  do n = ::read(file.number(), buffer, sizeof buffer);
  while (n < 0 && errno == EINTR);
  if (n < 0) throw system_error("cannot read");
  std::string text(buffer, static_cast<std::size_t>(n));
  if (text.size() == sizeof buffer) text += read_all(file);
  return text;
}

}  // namespace

std::optional<std::string> try_read_file(Fd directory, const std::string& path, std::size_t limit) {
  return try_read(directory, path, [&](Fd file) { return read_all(file, limit); });
}

std::optional<std::string> try_read_at_once(Fd directory, const std::string& path) {
  return try_read(directory, path, read_at_once);
}

bool try_write_to(Fd directory, const std::string& path, std::string_view text) noexcept {
  UniqueFd fd = try_open_at(directory, path, O_WRONLY);
  if (!fd) return false;
  ssize_t n;
  do n = ::write(fd.number(), text.data(), text.size());
  while (n < 0 && errno == EINTR);
  if (n >= 0 && n != static_cast<ssize_t>(text.size())) errno = EIO;
  return n == static_cast<ssize_t>(text.size());
}

void write_to(Fd directory, const std::string& path, std::string_view text) {
  if (!try_write_to(directory, path, text))
    throw system_error(format("cannot write \"{}\" to {}", text, path));
}

void write_all(Fd file, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(file.number(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot write");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void create_file(Fd directory, const std::string& path, std::string_view text, mode_t mode) {
  UniqueFd fd = try_open_at(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!fd && errno == EEXIST) throw Error(ErrorKind::conflict, quoted("create", path), EEXIST);
  if (!fd) throw system_error(quoted("create", path));
  Step step("write", path);
  write_all(fd, text);
}

namespace {

void replace(Fd directory, const std::string& path, std::string_view text, mode_t mode, bool synced) {
  // The owner of a file holds its object's lock, so one temporary name is enough; a left-over one is
  // replaced.
  const std::string temporary = path + ".new";
  try {
    UniqueFd fd = open_at(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
    Step step("write", temporary);
    write_all(fd, text);
    if (synced && ::fsync(fd.number()) != 0) throw system_error(quoted("sync", temporary));
    if (::renameat(directory.number(), temporary.c_str(), directory.number(), path.c_str()) != 0)
      throw system_error(quoted("replace", path));
  } catch (const Error&) {
    ::unlinkat(directory.number(), temporary.c_str(), 0);
    throw;
  }
}

}  // namespace

void replace_file(Fd directory, const std::string& path, std::string_view text, mode_t mode) {
  replace(directory, path, text, mode, false);
}

void replace_synced_file(const HostPath& path, std::string_view text, mode_t mode) {
  replace(here, path.value, text, mode, true);
  sync_directory(HostPath(path.value.substr(0, path.value.find_last_of('/'))));
}

void sync_directory(const HostPath& path) {
  const UniqueFd directory = open_at(here, path.value, O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.number()) != 0) throw system_error(quoted("sync", path.value));
}

bool try_make_directory(Fd directory, const std::string& path, mode_t mode) {
  if (::mkdirat(directory.number(), path.c_str(), mode) == 0) return true;
  if (errno == EEXIST) return false;
  throw system_error(quoted("make directory", path));
}

void make_directory(Fd directory, const std::string& path, mode_t mode) {
  if (!try_make_directory(directory, path, mode))
    throw Error(ErrorKind::conflict, quoted("make directory", path), EEXIST);
}

void make_directories(Fd directory, const std::string& path, mode_t mode) {
  if (::mkdirat(directory.number(), path.c_str(), mode) == 0 || errno == EEXIST) return;
  const auto slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0)
    throw system_error(quoted("make directory", path));
  make_directories(directory, path.substr(0, slash), mode);
  (void)try_make_directory(directory, path, mode);
}

std::optional<struct stat> try_status(Fd directory, const std::string& path, int flags) {
  struct stat status;
  if (::fstatat(directory.number(), path.c_str(), &status, flags) == 0) return status;
  check_breakdown("look at", path);
  return std::nullopt;
}

bool exists(Fd directory, const std::string& path) {
  if (::faccessat(directory.number(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (is_missing(errno)) return try_status(directory, path, AT_SYMLINK_NOFOLLOW).has_value();
  check_breakdown("look for", path);
  return false;
}

std::optional<std::string> try_read_link(Fd directory, const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(directory.number(), path.c_str(), target, sizeof target);
  if (n >= 0) return std::string(target, static_cast<std::size_t>(n));
  check_breakdown("read", path);
  return std::nullopt;
}

std::vector<std::string> list_directory(Fd directory, const std::string& path) {
  UniqueFd fd = try_open_at(directory, path, O_RDONLY | O_DIRECTORY);
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw system_error(quoted("list", path));
  Step step("list", path);
  std::vector<std::string> names;
  for (auto& entry : read_entries(fd)) names.push_back(std::move(entry.name));
  std::ranges::sort(names);
  return names;
}

bool remove_file(Fd directory, const std::string& path) {
  if (::unlinkat(directory.number(), path.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw system_error(quoted("remove", path));
}

void remove_tree(Fd directory, const std::string& path) {
  std::string current = path;  // for errors
  try {
    if (try_remove(directory, path)) return;

    // Only the directory being emptied is open, so that no depth runs out of descriptors. An entry is
    // forgotten when it is gone: a directory when the way back up has led past it.
    struct Level {
      FileIdentity identity;
      std::vector<DirectoryEntry> entries;
    };
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    UniqueFd fd = open_at(directory, path, flags);
    std::vector<Level> levels;
    levels.push_back({identify(fd), read_entries(fd)});
    while (!levels.empty()) {
      auto& entries = levels.back().entries;
      if (entries.empty()) {
        levels.pop_back();
        if (levels.empty()) break;
        fd = open_parent(fd, levels.back().identity);
        current.resize(current.size() - levels.back().entries.back().name.size() - 1);
        continue;
      }
      const std::string& name = entries.back().name;
      current.append("/").append(name);
      if (try_remove(fd, name)) {
        current.resize(current.size() - name.size() - 1);
        entries.pop_back();
      } else {
        fd = open_at(fd, name, flags);
        levels.push_back({identify(fd), read_entries(fd)});
      }
    }
    if (!try_remove(directory, path)) throw system_error(ENOTEMPTY, "cannot remove it");
  } catch (const Error& error) {
    throw Error(error.kind(), quoted("remove", current), error.error_number());
  }
}

bool try_lock(Fd file) {
  if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw system_error("cannot lock");
}

void lock(Fd file) {
  while (::flock(file.number(), LOCK_EX) != 0)
    if (errno != EINTR) throw system_error("cannot lock");
}

HostPath canonical(const HostPath& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) {
    if (errno == ENOENT) throw Error(ErrorKind::not_found, path.value, ENOENT);
    throw system_error(path.value);
  }
  return HostPath(real.get());
}

}  // namespace tare::sys
