// The mount options of the runtime-spec (config.md "Linux mount options") as what the kernel's mount calls
// take.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tare::runtime {

struct MountOptions {
  std::uint64_t set = 0, clear = 0;     ///< MOUNT_ATTR_… (mount_setattr(2))
  bool recursive = false;               ///< rbind
  std::vector<std::string> filesystem;  ///< for fsconfig(2): "=key\0value" or "!flag"
};

/// Throws Error{unsupported} naming an option that cannot be carried out.
MountOptions parse_mount_options(const std::vector<std::string>& options);

/// Those that are not left to the file system, sorted.
std::vector<std::string_view> known_mount_options();

/// One option of a file system in the form of plan::Entry::list.
std::string filesystem_option(const std::string& key, const std::string& value);

}  // namespace tare::runtime
