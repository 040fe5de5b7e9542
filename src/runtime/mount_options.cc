#include "runtime/mount_options.h"

#include <algorithm>
#include <sys/mount.h>

namespace tare::runtime {
namespace {

// Each is also known with an r in front, for a mount and all below it; so that those names can be listed,
// they stand here with it.
constexpr struct {
  std::string_view recursive_name;
  MountChange change;
} attributes[] = {
    {"rro", {MOUNT_ATTR_RDONLY, 0}},
    {"rrw", {0, MOUNT_ATTR_RDONLY}},
    {"rnosuid", {MOUNT_ATTR_NOSUID, 0}},
    {"rsuid", {0, MOUNT_ATTR_NOSUID}},
    {"rnodev", {MOUNT_ATTR_NODEV, 0}},
    {"rdev", {0, MOUNT_ATTR_NODEV}},
    {"rnoexec", {MOUNT_ATTR_NOEXEC, 0}},
    {"rexec", {0, MOUNT_ATTR_NOEXEC}},
    {"rnoatime", {MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME}},
    {"ratime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME}},
    {"rrelatime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME}},
    {"rnorelatime", {0, 0}},  // a mount has one of the three, and which other one is not said
    {"rstrictatime", {MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME}},
    {"rnostrictatime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME}},
    {"rnodiratime", {MOUNT_ATTR_NODIRATIME, 0}},
    {"rdiratime", {0, MOUNT_ATTR_NODIRATIME}},
    {"rnosymfollow", {MOUNT_ATTR_NOSYMFOLLOW, 0}},
    {"rsymfollow", {0, MOUNT_ATTR_NOSYMFOLLOW}},
};

constexpr struct {
  std::string_view name;
  std::uint64_t flags;
} propagations[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_REC | MS_PRIVATE},
    {"shared", MS_SHARED},         {"rshared", MS_REC | MS_SHARED},
    {"slave", MS_SLAVE},           {"rslave", MS_REC | MS_SLAVE},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_REC | MS_UNBINDABLE},
};

constexpr std::string_view superblock_flags[] = {"sync",       "async", "dirsync", "lazytime",
                                                 "nolazytime", "mand",  "nomand"};

// Labels mean nothing without SELinux, and docker ignores them there, too. The kernel's log is as quiet or as
// loud about new mounts either way, and the file systems that count versions do so unasked (since Linux 6.6
// tmpfs, too): fsconfig(2) has no word for these.
constexpr std::string_view without_effect[] = {"defaults", "bind", "z",        "Z",
                                               "silent",   "loud", "iversion", "noiversion"};

// Options that are a field of MountOptions.
constexpr struct {
  std::string_view name;
  void (*note)(MountOptions& options);
} switches[] = {
    {"rbind", [](MountOptions& o) { o.recursive = true; }},
    {"remount", [](MountOptions& o) { o.remount = true; }},
    {"tmpcopyup", [](MountOptions& o) { o.copy_up = true; }},
    {"idmap", [](MountOptions& o) { o.mapped_ids = MappedIds::of_the_mount; }},
    {"ridmap", [](MountOptions& o) { o.mapped_ids = MappedIds::of_all_below; }},
};

void add(MountChange& to, const MountChange& change) {
  to.set = (to.set & ~change.clear) | change.set;
  to.clear = (to.clear & ~change.set) | change.clear;
}

void forget(MountChange& in, const MountChange& change) {
  in.set &= ~(change.set | change.clear);
  in.clear &= ~(change.set | change.clear);
}

bool note_attribute(MountOptions& options, std::string_view name) {
  for (const auto& row : attributes) {
    const bool is_recursive = name == row.recursive_name;
    if (is_recursive || name == row.recursive_name.substr(1)) {
      add(is_recursive ? options.all : options.top, row.change);
      // The mount alone is changed last, so what was said of it before is over.
      if (is_recursive) forget(options.top, row.change);
      return true;
    }
  }
  return false;
}

bool note_switch(MountOptions& options, std::string_view name) {
  for (const auto& row : switches)
    if (name == row.name) {
      row.note(options);
      return true;
    }
  return false;
}

bool is_one_of(const auto& table, std::string_view name) {
  return std::ranges::find(table, name) != std::end(table);
}

}  // namespace

std::string filesystem_option(const std::string& key, const std::string& value) {
  return "=" + key + std::string(1, '\0') + value;
}

std::uint64_t propagation_of(std::string_view name) {
  for (const auto& row : propagations)
    if (name == row.name) return row.flags;
  return 0;
}

std::vector<std::string_view> known_mount_options() {
  std::vector<std::string_view> names(std::begin(without_effect), std::end(without_effect));
  names.insert(names.end(), std::begin(superblock_flags), std::end(superblock_flags));
  for (const auto& row : switches) names.push_back(row.name);
  for (const auto& row : propagations) names.push_back(row.name);
  for (const auto& row : attributes) {
    names.push_back(row.recursive_name);
    names.push_back(row.recursive_name.substr(1));
  }
  std::ranges::sort(names);
  return names;
}

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const auto& option : options) {
    if (option.empty() || is_one_of(without_effect, option) || note_switch(parsed, option) ||
        note_attribute(parsed, option))
      continue;
    if (const auto propagation = propagation_of(option))
      parsed.propagation.push_back(propagation);
    else if (is_one_of(superblock_flags, option))
      parsed.superblock.push_back("!" + option);
    else if (const auto equals = option.find('='); equals != std::string::npos)
      parsed.filesystem.push_back(filesystem_option(option.substr(0, equals), option.substr(equals + 1)));
    else
      parsed.filesystem.push_back("!" + option);
  }
  return parsed;
}

}  // namespace tare::runtime
