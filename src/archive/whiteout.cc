#include "archive/whiteout.h"

#include <algorithm>
#include <sys/xattr.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::archive {
namespace {

constexpr std::string_view aufs_prefix = ".wh..wh.";

}  // namespace

WhiteoutKind whiteout_kind(const EntryPath& path) {
  for (std::string_view parents = path.parent; !parents.empty();) {
    const std::string_view parent = parents.substr(0, parents.find('/'));
    parents.remove_prefix(std::min(parent.size() + 1, parents.size()));
    if (parent.starts_with(aufs_prefix)) return WhiteoutKind::metadata;
    if (parent.starts_with(whiteout_prefix))
      throw Error(ErrorKind::invalid,
                  format("its parent {} can be no directory, but a whiteout: refused", parent));
  }
  const std::string_view name = path.name;
  if (!name.starts_with(whiteout_prefix)) return WhiteoutKind::none;
  if (name == opaque_whiteout) return WhiteoutKind::siblings;
  if (name.starts_with(aufs_prefix)) return WhiteoutKind::metadata;
  const std::string_view hidden = name.substr(whiteout_prefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..")
    throw Error(ErrorKind::invalid, "a whiteout of no name that a file can have: refused");
  return WhiteoutKind::name;
}

void refuse_whiteouts(const EntryPath& path) {
  if (path.name.starts_with(whiteout_prefix) || path.parent.starts_with(whiteout_prefix) ||
      path.parent.find("/.wh.") != std::string::npos)
    throw Error(ErrorKind::invalid, "a file whose name begins with .wh. cannot be in a layer of an image", 0,
                "there it would hide another file; `tare run` takes such an archive as a ROOTFS");
}

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

void make_whiteout(sys::Fd directory, const std::string& name) {
  if (::mknodat(directory.number(), name.c_str(), S_IFCHR, 0) != 0)
    throw system_error(format("cannot mark {} as hidden", name));
}

void mark_opaque_as_trusted(sys::Fd directory) {
  if (::fsetxattr(directory.number(), trusted_opaque, "y", 1, 0) != 0)
    throw system_error(format("cannot set the directory's attribute {}", trusted_opaque));
}

}  // namespace tare::archive
