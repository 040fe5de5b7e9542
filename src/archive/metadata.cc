#include "archive/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"

namespace tare::archive {
namespace {

enum class Treatment { set, leave_out };

struct AttributeRule {
  std::string_view prefix;
  Treatment treatment;
};

// The first that fits decides. What is left out belongs to the machine an archive was made on: labels of
// its security module, signatures, and overlay's own marks, which would mean something in a layer.
constexpr AttributeRule attribute_rules[] = {
    {"security.capability", Treatment::set},
    {"user.overlay.", Treatment::leave_out},
    {"user.", Treatment::set},
    {"system.posix_acl_", Treatment::set},
    {"", Treatment::leave_out},
};

// -1 means "leave it" to chown(2).
uid_t checked_owner(std::int64_t id) {
  if (id < 0 || id >= 0xffffffff) throw Error(ErrorKind::invalid, format("an impossible owner {}", id));
  return static_cast<uid_t>(id);
}

/// The working directory for a moment: there is no lsetxattrat(2) before Linux 6.13, and the confined process
/// has no /proc. Names from an archive's parent directory are single components, so nothing is followed.
class InDirectory {
 public:
  explicit InDirectory(sys::Fd directory) : before_(sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY)) {
    if (::fchdir(directory.number()) != 0) throw system_error("cannot enter a directory");
  }
  ~InDirectory() { (void)!::fchdir(before_.number()); }
  InDirectory(const InDirectory&) = delete;
  InDirectory& operator=(const InDirectory&) = delete;

 private:
  sys::UniqueFd before_;
};

struct Times {
  timespec values[2];
};

Times times_of(const Entry& entry) { return {{entry.modified, entry.modified}}; }

}  // namespace

bool is_kept_attribute(std::string_view name) {
  for (const AttributeRule& rule : attribute_rules)
    if (name.starts_with(rule.prefix)) return rule.treatment == Treatment::set;
  return false;
}

// The order: chown(2) takes away setuid, setgid and capabilities, so it comes first; times come last.
void put_metadata(sys::Fd object, const Entry& entry, TarReader& contents) {
  if (::fchown(object.number(), checked_owner(entry.uid), checked_owner(entry.gid)) != 0)
    throw system_error(format("cannot give it to {}:{}", entry.uid, entry.gid));
  contents.for_each_attribute([&](const char* name, std::string_view value) {
    if (is_kept_attribute(name) && ::fsetxattr(object.number(), name, value.data(), value.size(), 0) != 0)
      throw system_error(format("cannot set its attribute {}", name));
  });
  if (::fchmod(object.number(), entry.mode) != 0)
    throw system_error(format("cannot set its mode to {:o}", entry.mode));
  if (::futimens(object.number(), times_of(entry).values) != 0) throw system_error("cannot set its time");
}

void put_metadata_at(sys::Fd parent, const std::string& name, const Entry& entry, TarReader& contents) {
  if (::fchownat(parent.number(), name.c_str(), checked_owner(entry.uid), checked_owner(entry.gid),
                 AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error(format("cannot give it to {}:{}", entry.uid, entry.gid));
  contents.for_each_attribute([&](const char* attribute, std::string_view value) {
    if (!is_kept_attribute(attribute)) return;
    const InDirectory there(parent);
    if (::lsetxattr(name.c_str(), attribute, value.data(), value.size(), 0) != 0)
      throw system_error(format("cannot set its attribute {}", attribute));
  });
  // The name is not a symlink's here, so following is no question.
  if (entry.kind != EntryKind::symlink && ::fchmodat(parent.number(), name.c_str(), entry.mode, 0) != 0)
    throw system_error(format("cannot set its mode to {:o}", entry.mode));
  if (::utimensat(parent.number(), name.c_str(), times_of(entry).values, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("cannot set its time");
}

}  // namespace tare::archive
