#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <dirent.h>
#include <memory>
#include <sys/file.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::sys {
namespace {

std::string quoted(std::string_view verb, const std::string& path) {
  return format("cannot {} {}", verb, path);
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_directory(UniqueFd fd) {
  DIR* directory = ::fdopendir(fd.number());
  if (!directory) throw system_error("cannot read a directory");
  (void)fd.release();
  return Directory(directory);
}

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

}  // namespace

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

std::optional<std::string> try_read_file(Fd directory, const std::string& path, std::size_t limit) {
  UniqueFd fd = try_open_at(directory, path, O_RDONLY);
  if (!fd) return std::nullopt;
  Step step("read", path);
  return read_all(fd, limit);
}

bool try_write_to(Fd directory, const std::string& path, std::string_view text) noexcept {
  UniqueFd fd = try_open_at(directory, path, O_WRONLY);
  if (!fd) return false;
  ssize_t n;
  do n = ::write(fd.number(), text.data(), text.size());
  while (n < 0 && errno == EINTR);
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

void replace_file(Fd directory, const std::string& path, std::string_view text, mode_t mode) {
  // The owner of a file holds its object's lock, so one temporary name is enough; a left-over one is
  // replaced.
  const std::string temporary = path + ".new";
  {
    UniqueFd fd = open_at(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
    Step step("write", temporary);
    write_all(fd, text);
  }
  if (::renameat(directory.number(), temporary.c_str(), directory.number(), path.c_str()) != 0)
    throw system_error(quoted("replace", path));
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

std::optional<struct stat> try_status(Fd directory, const std::string& path, int flags) noexcept {
  struct stat status;
  if (::fstatat(directory.number(), path.c_str(), &status, flags) != 0) return std::nullopt;
  return status;
}

bool exists(Fd directory, const std::string& path) noexcept {
  return ::faccessat(directory.number(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<std::string> try_read_link(Fd directory, const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(directory.number(), path.c_str(), target, sizeof target);
  if (n < 0) return std::nullopt;
  return std::string(target, static_cast<std::size_t>(n));
}

std::vector<std::string> list_directory(Fd directory, const std::string& path) {
  UniqueFd fd = try_open_at(directory, path, O_RDONLY | O_DIRECTORY);
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw system_error(quoted("list", path));
  std::vector<std::string> names;
  const Directory entries = open_directory(std::move(fd));
  while (const dirent* entry = ::readdir(entries.get()))
    if (!is_dots(entry->d_name)) names.emplace_back(entry->d_name);
  std::ranges::sort(names);
  return names;
}

bool remove_file(Fd directory, const std::string& path) {
  if (::unlinkat(directory.number(), path.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw system_error(quoted("remove", path));
}

void remove_tree(Fd directory, const std::string& path) {
  if (::unlinkat(directory.number(), path.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw system_error(quoted("remove", path));
  if (::unlinkat(directory.number(), path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
  if (errno != ENOTEMPTY && errno != EEXIST) throw system_error(quoted("remove", path));

  // One descriptor per level would run out in a tree deeper than the limit of open files; so whatever lies
  // deeper than one level is first moved up beside its parent's other children.
  UniqueFd fd = open_at(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  for (bool again = true; again;) {
    again = false;
    const Directory entries = open_directory(open_at(fd, ".", O_RDONLY | O_DIRECTORY));
    while (const dirent* entry = ::readdir(entries.get())) {
      if (is_dots(entry->d_name)) continue;
      const std::string name = entry->d_name;
      if (::unlinkat(fd.number(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) throw system_error(quoted("remove", path + "/" + name));
      if (::unlinkat(fd.number(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
      if (errno != ENOTEMPTY && errno != EEXIST) throw system_error(quoted("remove", path + "/" + name));
      const UniqueFd inner = open_at(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      const Directory children = open_directory(open_at(inner, ".", O_RDONLY | O_DIRECTORY));
      while (const dirent* child = ::readdir(children.get())) {
        if (is_dots(child->d_name)) continue;
        if (::unlinkat(inner.number(), child->d_name, 0) == 0 || errno == ENOENT) continue;
        if (errno != EISDIR && errno != EPERM)
          throw system_error(quoted("remove", path + "/" + name + "/" + child->d_name));
        if (::unlinkat(inner.number(), child->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
        static constinit unsigned moved = 0;
        const std::string flat = format(".removing-{}-{}", ::getpid(), moved++);
        if (::renameat(inner.number(), child->d_name, fd.number(), flat.c_str()) != 0 && errno != ENOENT)
          throw system_error(quoted("remove", path + "/" + name + "/" + child->d_name));
      }
      again = true;
    }
  }
  if (::unlinkat(directory.number(), path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    throw system_error(quoted("remove", path));
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
