// Which paths of a container are the system's.
#pragma once

#include <string_view>

#include "base/types.h"

namespace tare::runtime {

inline bool is_below(std::string_view path, std::string_view top) {
  return path == top || (path.starts_with(top) && path.size() > top.size() && path[top.size()] == '/');
}

/// What the kernel and the runtime rely on must be where it says: no symlink of a hostile root may lead them
/// elsewhere (CVE-2019-19921, CVE-2023-27561, CVE-2026-41579).
inline bool is_system_path(const ContainerPath& path) {
  return is_below(path.value, "/proc") || is_below(path.value, "/sys") || is_below(path.value, "/dev");
}

}  // namespace tare::runtime
