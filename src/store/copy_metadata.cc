#include "store/copy_metadata.h"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/xattr.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::store {
namespace {

enum class Treatment { required, where_possible };

struct AttributeRule {
  std::string_view prefix;
  Treatment treatment;
};

// The first that fits decides. The rest is security modules' labels and other file systems' own attributes,
// which the target may refuse or give by itself.
constexpr AttributeRule attribute_rules[] = {
    {"security.capability", Treatment::required},
    {"user.", Treatment::required},
    {"trusted.", Treatment::required},
    {"system.posix_acl_", Treatment::required},
    {"", Treatment::where_possible},
};

bool is_required(std::string_view name) {
  for (const AttributeRule& rule : attribute_rules)
    if (name.starts_with(rule.prefix)) return rule.treatment == Treatment::required;
  return false;
}

struct OpenFile {
  int fd;
  ssize_t list(char* names, std::size_t size) const { return ::flistxattr(fd, names, size); }
  ssize_t get(const char* name, void* value, std::size_t size) const {
    return ::fgetxattr(fd, name, value, size);
  }
  int set(const char* name, const std::string& value) const {
    return ::fsetxattr(fd, name, value.data(), value.size(), 0);
  }
};

/// There are no calls with a directory and a name before Linux 6.13; the link in /proc leads to the directory
/// itself and the name's own link is not followed.
struct NamedFile {
  std::string path;
  NamedFile(sys::Fd directory, const std::string& name)
      : path(format("/proc/self/fd/{}/{}", directory.number(), name)) {}
  ssize_t list(char* names, std::size_t size) const { return ::llistxattr(path.c_str(), names, size); }
  ssize_t get(const char* name, void* value, std::size_t size) const {
    return ::lgetxattr(path.c_str(), name, value, size);
  }
  int set(const char* name, const std::string& value) const {
    return ::lsetxattr(path.c_str(), name, value.data(), value.size(), 0);
  }
};

/// Of a list or a value, which are at most 64 KiB (xattr(7)). Most files have none, so the size comes first.
template <typename Read>
std::string read_sized(const Read& read) {
  const ssize_t size = read(nullptr, 0);
  if (size == 0 || (size < 0 && errno == EOPNOTSUPP)) return {};
  if (size < 0) throw system_error("cannot read its attributes");
  std::string text(static_cast<std::size_t>(size), '\0');
  const ssize_t n = read(text.data(), text.size());
  if (n < 0) throw system_error("cannot read its attributes");
  text.resize(static_cast<std::size_t>(n));
  return text;
}

template <typename File, typename Visit>
void for_each_attribute(const File& file, const Visit& visit) {
  const std::string names = read_sized([&](char* list, std::size_t size) { return file.list(list, size); });
  for (std::size_t at = 0; at < names.size();) {
    const char* name = names.c_str() + at;
    at += std::string_view(name).size() + 1;
    visit(name);
  }
}

template <typename File>
void copy_attributes(const File& from, const File& to) {
  for_each_attribute(from, [&](const char* name) {
    const std::string value =
        read_sized([&](char* text, std::size_t size) { return from.get(name, text, size); });
    if (to.set(name, value) == 0 || !is_required(name)) return;
    throw system_error(format("cannot set its attribute {}", name));
  });
}

mode_t permissions(const struct statx& status) { return status.stx_mode & 07777; }

struct Times {
  timespec values[2];
};

Times times_of(const struct statx& status) {
  return {{{status.stx_atime.tv_sec, status.stx_atime.tv_nsec},
           {status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec}}};
}

Error owner_error(const struct statx& status) {
  return system_error(format("cannot give it to {}:{}", status.stx_uid, status.stx_gid));
}

Error mode_error(const struct statx& status) {
  return system_error(format("cannot set its mode to {:o}", permissions(status)));
}

}  // namespace

// The order: chown(2) takes away setuid, setgid and capabilities, so it comes first; an ACL changes the mode;
// times come last.
void copy_metadata(sys::Fd from, sys::Fd to, const struct statx& status) {
  if (::fchown(to.number(), status.stx_uid, status.stx_gid) != 0) throw owner_error(status);
  copy_attributes(OpenFile{from.number()}, OpenFile{to.number()});
  if (::fchmod(to.number(), permissions(status)) != 0) throw mode_error(status);
  if (::futimens(to.number(), times_of(status).values) != 0) throw system_error("cannot set its times");
}

void copy_metadata_at(sys::Fd from, sys::Fd to, const std::string& name, const struct statx& status) {
  if (::fchownat(to.number(), name.c_str(), status.stx_uid, status.stx_gid, AT_SYMLINK_NOFOLLOW) != 0)
    throw owner_error(status);
  copy_attributes(NamedFile(from, name), NamedFile(to, name));
  // The name was just made and is not a symlink's here, so following is no question.
  if (!S_ISLNK(status.stx_mode) && ::fchmodat(to.number(), name.c_str(), permissions(status), 0) != 0)
    throw mode_error(status);
  if (::utimensat(to.number(), name.c_str(), times_of(status).values, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("cannot set its times");
}

void clear_attributes(sys::Fd file) {
  for_each_attribute(OpenFile{file.number()}, [&](const char* name) {
    if (::fremovexattr(file.number(), name) != 0 && errno != ENODATA && is_required(name))
      throw system_error(format("cannot remove its attribute {}", name));
  });
}

}  // namespace tare::store
