// What hides the files of lower layers: names in an archive (image-spec, layer.md, "Whiteouts"), and
// overlayfs' marks in a directory.
#pragma once

#include <string>
#include <string_view>
#include <sys/stat.h>

#include "archive/entry_path.h"
#include "sys/unique_fd.h"

namespace tare::archive {

inline constexpr std::string_view whiteout_prefix = ".wh.", opaque_whiteout = ".wh..wh..opq";

enum class WhiteoutKind {
  none,      ///< an ordinary name
  name,      ///< hides the entry of its directory whose name follows the prefix
  siblings,  ///< hides all that lower layers have in its directory, which is "opaque"
  metadata   ///< of AUFS, to no other's use
};

/// What this path is in a layer. Throws Error{invalid} for what would hide a directory's own `.` or `..` or
/// nothing, and for what lies below a whiteout: no file can have such a name (layer.md).
WhiteoutKind whiteout_kind(const EntryPath& path);
/// Throws Error{invalid} where the path, or a directory on the way, has such a name.
void refuse_whiteouts(const EntryPath& path);

/// Overlayfs' marks have two names: an overlay mounted in a user namespace (`userxattr`) looks at those that
/// begin with `user.` only, every other one at `trusted.` only.
inline constexpr const char* trusted_opaque = "trusted.overlay.opaque";
inline constexpr const char* user_opaque = "user.overlay.opaque";

/// Whether it is overlayfs' mark for a name that is hidden.
bool is_whiteout(const struct stat& status);
/// Makes one that is not there yet; needs no right, as anyone may have them (Linux 5.8).
void make_whiteout(sys::Fd directory, const std::string& name);
/// Sets trusted.overlay.opaque: needs CAP_SYS_ADMIN in the first user namespace.
void mark_opaque_as_trusted(sys::Fd directory);

}  // namespace tare::archive
