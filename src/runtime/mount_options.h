// The mount options of the runtime-spec (config.md "Linux mount options") as what the kernel's mount calls
// take.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tare::runtime {

/// MOUNT_ATTR_… to set and to clear (mount_setattr(2)).
struct MountChange {
  std::uint64_t set = 0, clear = 0;
  bool operator==(const MountChange&) const = default;
};

enum class MappedIds { none, of_the_mount, of_all_below };

struct MountOptions {
  MountChange top;                         ///< of the mount itself
  MountChange all;                         ///< of it and of what is below (rro, rnosuid, …), after `top`
  bool recursive = false;                  ///< rbind
  bool remount = false;                    ///< what is mounted there already is changed
  bool copy_up = false;                    ///< tmpcopyup
  MappedIds mapped_ids = MappedIds::none;  ///< idmap, ridmap
  std::vector<std::uint64_t>
      propagation;  ///< MS_SHARED, MS_REC | MS_SLAVE, … in this order; empty: none is said
  std::vector<std::string> superblock;  ///< "!sync": of a new file system; a bind has none of its own
  std::vector<std::string> filesystem;  ///< for fsconfig(2): "=key\0value" or "!flag"
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

/// "rslave" as MS_REC | MS_SLAVE; 0: it is none. Also linux.rootfsPropagation.
std::uint64_t propagation_of(std::string_view name);

/// Those that are not left to the file system, sorted.
std::vector<std::string_view> known_mount_options();

/// One option of a file system in the form of plan::Entry::list.
std::string filesystem_option(const std::string& key, const std::string& value);

}  // namespace tare::runtime
