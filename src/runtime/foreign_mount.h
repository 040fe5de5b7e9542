// Mounts of another mount namespace, such as a running container's.
#pragma once

#include <string>

#include "sys/unique_fd.h"

namespace tare::runtime {

/// open_tree(2) of `path` as the mount namespace behind the file `mount_namespace` has it: a detached copy.
/// The caller is single-threaded. Throws naming the path; invalid
/// where open_tree(2) is missing.
sys::UniqueFd clone_foreign_tree(const std::string& mount_namespace, const std::string& path, bool recursive);

}  // namespace tare::runtime
