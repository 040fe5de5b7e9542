#include "cgroup/limit_planner.h"

#include "base/format.h"

namespace tare::cgroup {
namespace {

Error missing_controller(const Layout& layout, std::string_view controller, std::string_view why) {
  const Hierarchy* hierarchy = layout.find(controller);
  std::string reason = "which is not there: no cgroup file system is mounted";
  std::string hint = "mount a cgroup2 file system on /sys/fs/cgroup";
  if (hierarchy) {
    reason = format("but {} cannot be written", hierarchy->mount.value);
    hint =
        "run as root, and mount it read-write; other users have cgroups by systemd only (--systemd-cgroup)";
  } else if (const Hierarchy* unified = layout.unified(); unified && layout.mode() == Mode::v2) {
    reason = format("which is not among those in {}{}/cgroup.controllers", unified->mount.value,
                    unified->delegated);
    hint = unified->delegated.empty() ? "boot the kernel with it, or let the parent cgroup delegate it"
                                      : "systemd delegates what Delegate= in its unit names, user@.service";
  } else if (unified || layout.mode() == Mode::v1) {
    reason = "which is not mounted";
    hint = format("mount -t cgroup -o {} cgroup /sys/fs/cgroup/{}", controller, controller);
  }
  return Error(ErrorKind::unsupported,
               format("{} needs the {} cgroup controller, {}", why, controller, reason), 0, std::move(hint));
}

}  // namespace

const Hierarchy* LimitPlanner::need(std::string_view controller, std::string_view why, bool limiting) const {
  if (layout_.can_limit(controller)) return layout_.find(controller);
  if (limiting) throw missing_controller(layout_, controller, why);
  return nullptr;
}

const Hierarchy& LimitPlanner::need_v1(std::string_view controller, std::string_view why) const {
  if (const Hierarchy* hierarchy = layout_.find(controller);
      layout_.mode() == Mode::v2 || (hierarchy && hierarchy->unified))
    throw Error(ErrorKind::unsupported,
                format("{} needs the {} controller of cgroup v1; v2 has no such thing", why, controller));
  return *need(controller, why);
}

void LimitPlanner::write(const Hierarchy& hierarchy, std::string_view file, std::string value,
                         std::string_view why, bool required) {
  writes_.push_back({.hierarchy = layout_.index_of(hierarchy),
                     .file = std::string(file),
                     .value = std::move(value),
                     .why = std::string(why),
                     .required = required,
                     .other_file = {},
                     .other_value = {}});
}

void LimitPlanner::write_either(const Hierarchy& hierarchy, std::string_view file, std::string value,
                                std::string_view other_file, std::string other_value, std::string_view why) {
  write(hierarchy, file, std::move(value), why);
  writes_.back().other_file = other_file;
  writes_.back().other_value = std::move(other_value);
}

}  // namespace tare::cgroup
