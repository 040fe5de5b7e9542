// Names in archives made plain: relative to the root, without `.`, `..` and doubled slashes.
#pragma once

#include <string>
#include <string_view>

namespace tare::archive {

struct EntryPath {
  std::string parent;  ///< empty: the root
  std::string name;    ///< empty: the root itself
};

/// Writes into `path`, whose strings are reused. Throws Error{invalid} for what leads above the root, is
/// empty or longer than a path can be.
void resolve_name(std::string_view name, EntryPath& path);

}  // namespace tare::archive
