#include "runtime/mount_options.h"

#include <algorithm>
#include <string_view>
#include <sys/mount.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::runtime {
namespace {

struct Known {
  std::string_view name;
  std::uint64_t set, clear;
};

constexpr Known attributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

// The container's mounts are private anyway; labels mean nothing without SELinux, and docker ignores them
// there, too.
constexpr std::string_view without_effect[] = {"defaults", "bind", "private", "rprivate", "z", "Z"};
constexpr std::string_view not_supported[] = {"shared", "rshared",    "slave",
                                              "rslave", "unbindable", "runbindable"};

constexpr std::string_view recursive_bind = "rbind";

}  // namespace

std::string filesystem_option(const std::string& key, const std::string& value) {
  return "=" + key + std::string(1, '\0') + value;
}

std::vector<std::string_view> known_mount_options() {
  std::vector<std::string_view> names(std::begin(without_effect), std::end(without_effect));
  names.push_back(recursive_bind);
  for (const Known& known : attributes) names.push_back(known.name);
  std::ranges::sort(names);
  return names;
}

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const auto& option : options) {
    if (std::ranges::find(without_effect, option) != std::end(without_effect)) continue;
    if (std::ranges::find(not_supported, option) != std::end(not_supported))
      throw Error(ErrorKind::unsupported, format("the mount propagation {} is not supported", option), 0,
                  "mounts are private to the container");
    if (option == recursive_bind) {
      parsed.recursive = true;
    } else if (const auto* known = std::ranges::find(attributes, option, &Known::name);
               known != std::end(attributes)) {
      parsed.set = (parsed.set & ~known->clear) | known->set;
      parsed.clear = (parsed.clear & ~known->set) | known->clear;
    } else if (const auto equals = option.find('='); equals != std::string::npos) {
      parsed.filesystem.push_back(filesystem_option(option.substr(0, equals), option.substr(equals + 1)));
    } else {
      parsed.filesystem.push_back("!" + option);
    }
  }
  return parsed;
}

}  // namespace tare::runtime
