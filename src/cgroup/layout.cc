#include "cgroup/layout.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/text.h"
#include "cgroup/text.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/user_namespace.h"

namespace tare::cgroup {
namespace {

/// A line of /proc/PID/mountinfo, proc_pid_mountinfo(5).
struct MountLine {
  std::string_view device, options, type, super_options;
  std::string root, point;
};

/// A line of /proc/PID/cgroup: id, controllers, path.
struct OwnLine {
  std::string_view controllers, path;
};

std::optional<MountLine> parse_mount(std::string_view line) {
  // Optional fields end with "-"; after it: file system type, source, super block options.
  const auto separator = line.find(" - ");
  if (separator == std::string_view::npos) return std::nullopt;
  std::string_view before = line.substr(0, separator), after = line.substr(separator + 3);
  if (!after.starts_with("cgroup")) return std::nullopt;
  next_word(before, ' '), next_word(before, ' ');
  MountLine mount;
  mount.device = next_word(before, ' ');
  mount.root = unescape_octal(next_word(before, ' '));
  mount.point = unescape_octal(next_word(before, ' '));
  mount.options = next_word(before, ' ');
  mount.type = next_word(after, ' ');
  next_word(after, ' ');
  mount.super_options = after;
  return mount;
}

std::vector<OwnLine> parse_own(std::string_view text) {
  std::vector<OwnLine> lines;
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    next_word(line, ':');
    const std::string_view controllers = next_word(line, ':');
    if (!line.empty()) lines.push_back({controllers, line});
  }
  return lines;
}

bool contains_all(std::string_view list, std::string_view wanted) {
  while (!wanted.empty())
    if (!has_word(list, next_word(wanted, ','), ',')) return false;
  return true;
}

/// The line of /proc/self/cgroup that speaks of this mount; the super block options of v1 name its
/// controllers among flags like `xattr`.
const OwnLine* find_own(const std::vector<OwnLine>& lines, const MountLine& mount) {
  for (const auto& line : lines) {
    const bool unified = line.controllers.empty();
    if (unified != (mount.type == "cgroup2")) continue;
    if (unified || contains_all(mount.super_options, line.controllers)) return &line;
  }
  return nullptr;
}

/// A mount may show only a part of its hierarchy (a container without cgroup namespace): its root is then the
/// container's cgroup, and paths start there. A root of "/.." is outside of our cgroup namespace.
std::string path_below(std::string_view path, std::string_view root) {
  if (root == "/") return path.starts_with("/..") ? "/" : std::string(path);
  if (!path.starts_with(root)) return "/";
  path.remove_prefix(root.size());
  if (path.empty()) return "/";
  return path.front() == '/' ? std::string(path) : "/";
}

Hierarchy hierarchy_at(std::string mount, std::string_view root, const OwnLine& own) {
  Hierarchy hierarchy;
  hierarchy.mount = HostPath(std::move(mount));
  hierarchy.name = own.controllers;
  hierarchy.unified = own.controllers.empty();
  hierarchy.own_path = path_below(own.path, root);
  for (auto rest = own.controllers; !rest.empty();)
    if (auto controller = next_word(rest, ','); !controller.starts_with("name="))
      hierarchy.controllers.emplace_back(controller);
  return hierarchy;
}

Hierarchy to_hierarchy(const MountLine& mount, const OwnLine& own) {
  Hierarchy hierarchy = hierarchy_at(mount.point, mount.root, own);
  hierarchy.writable = has_word(mount.options, "rw", ',') && has_word(mount.super_options, "rw", ',');
  return hierarchy;
}

/// Whether a cgroup file system of this kind is mounted here, to be written, and `path` is of its root.
bool is_mounted_whole(const std::string& place, bool unified, std::string_view path) {
  constexpr ino_t root_inode = 1;  // kernfs numbers its nodes from there
  struct statfs filesystem{};
  struct stat status{};
  return ::statfs(place.c_str(), &filesystem) == 0 &&
         filesystem.f_type == (unified ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC) &&
         (filesystem.f_flags & ST_RDONLY) == 0 &&
         (path == "/" || (::stat(place.c_str(), &status) == 0 && status.st_ino == root_inode));
}

/// Where paths in /proc/self/cgroup are those of the whole hierarchy (PROC_CGROUP_INIT_INO of
/// linux/proc_ns.h).
bool in_first_cgroup_namespace() {
  const auto name = sys::try_read_link(sys::here, "/proc/self/ns/cgroup");
  return !name || *name == "cgroup:[4026531835]";
}

/// Each hierarchy whole and where it is everywhere; nullopt where anything is otherwise. The list of mounts
/// need not be read then, which costs the kernel some two microseconds a mount.
std::optional<Layout> try_usual_layout(std::string_view cgroup) {
  const std::string top = "/sys/fs/cgroup";
  constexpr std::string_view named = "name=";
  auto lines = parse_own(cgroup);
  std::ranges::reverse(lines);  // as they were mounted
  std::ranges::stable_partition(lines, [](const OwnLine& line) { return !line.controllers.empty(); });
  const bool all_at_root = std::ranges::all_of(lines, [](const OwnLine& line) { return line.path == "/"; });
  if (!all_at_root && !in_first_cgroup_namespace()) return std::nullopt;
  Layout layout;
  for (const OwnLine& line : lines) {
    std::string_view name = line.controllers;
    if (name.starts_with(named)) name.remove_prefix(named.size());
    const bool unified = name.empty();
    const std::string place =
        unified ? (lines.size() == 1 ? top : top + "/unified") : top + "/" + std::string(name);
    if (!is_mounted_whole(place, unified, line.path)) return std::nullopt;
    layout.hierarchies.push_back(hierarchy_at(place, "/", line));
    layout.hierarchies.back().writable = true;
  }
  return layout;
}

bool can_write(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return true;
  if (sys::is_missing(errno) && ::access(path.c_str(), W_OK) == 0) return true;
  constexpr int refusals[] = {EACCES, EROFS, ENOENT, ENOTDIR};
  if (std::ranges::find(refusals, errno) != std::end(refusals)) return false;
  throw system_error(format("cannot find out whether {} can be written", path));
}

std::vector<std::string> read_controllers(const std::string& directory) {
  const auto text = sys::try_read_at_once(sys::here, directory + "/cgroup.controllers");
  std::vector<std::string> controllers;
  for (std::string_view rest = trimmed(text ? *text : std::string_view{}); !rest.empty();)
    controllers.emplace_back(next_word(rest, ' '));
  return controllers;
}

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

Mode Layout::mode() const {
  const auto v2 = std::ranges::count_if(hierarchies, &Hierarchy::unified);
  if (hierarchies.empty()) return Mode::none;
  if (v2 == 0) return Mode::v1;
  return hierarchies.size() > 1 ? Mode::hybrid : Mode::v2;
}

const Hierarchy* Layout::find(std::string_view controller) const {
  const auto found =
      std::ranges::find_if(hierarchies, [&](const auto& hierarchy) { return hierarchy.has(controller); });
  return found == hierarchies.end() ? nullptr : &*found;
}

const Hierarchy* Layout::unified() const {
  const auto found = std::ranges::find_if(hierarchies, &Hierarchy::unified);
  return found == hierarchies.end() ? nullptr : &*found;
}

bool Layout::writable() const { return std::ranges::any_of(hierarchies, &Hierarchy::writable); }

bool Layout::can_limit(std::string_view controller) const {
  const Hierarchy* hierarchy = find(controller);
  return hierarchy && hierarchy->writable;
}

DeviceFilter Layout::device_filter() const {
  if (can_limit("devices")) return DeviceFilter::list;
  const bool can_attach = unified() && unified()->writable && !programs_are_refused;
  return can_attach ? DeviceFilter::program : DeviceFilter::none;
}

std::size_t Layout::index_of(const Hierarchy& hierarchy) const {
  return static_cast<std::size_t>(&hierarchy - hierarchies.data());
}

Layout parse_layout(std::string_view mountinfo, std::string_view cgroup) {
  const auto own_lines = parse_own(cgroup);
  Layout layout;
  std::vector<std::string_view> devices;
  while (!mountinfo.empty()) {
    const auto mount = parse_mount(next_word(mountinfo, '\n'));
    const OwnLine* own = mount ? find_own(own_lines, *mount) : nullptr;
    if (!own) continue;
    Hierarchy hierarchy = to_hierarchy(*mount, *own);
    // One file system can be mounted at several places; the first one that can be written counts, and of two
    // at the same place the later one, which hides the other.
    const auto known = std::ranges::find(devices, mount->device);
    if (known == devices.end()) {
      devices.push_back(mount->device);
      layout.hierarchies.push_back(std::move(hierarchy));
    } else if (auto& listed = layout.hierarchies[static_cast<std::size_t>(known - devices.begin())];
               hierarchy.mount == listed.mount || (hierarchy.writable && !listed.writable)) {
      listed = std::move(hierarchy);
    }
  }
  return layout;
}

Layout read_layout(const HostPath& proc, const std::string& process) {
  const auto try_read = [](const HostPath& file) {
    auto text = sys::try_read_file(sys::here, file.value);
    if (!text && errno == EPERM)
      throw system_error(format("cannot read {} to find out about cgroups", file.value));
    return text;
  };
  const auto cgroup = try_read(proc / process / "cgroup");
  if (!cgroup) return {};
  std::optional<Layout> found = try_usual_layout(*cgroup);
  if (!found) {
    const auto mountinfo = try_read(proc / "self/mountinfo");
    if (!mountinfo) return {};
    found = parse_layout(*mountinfo, *cgroup);
  }
  Layout layout = std::move(*found);
  // Where it is not mounted read-only.
  const bool may_all = ::geteuid() == 0 && sys::in_first_user_namespace();
  for (auto& hierarchy : layout.hierarchies) {
    hierarchy.writable = hierarchy.writable && (may_all || can_write(hierarchy.mount.value));
    if (hierarchy.unified) hierarchy.controllers = read_controllers(hierarchy.mount.value);
  }
  return layout;
}

void find_delegated(Layout& layout, const std::string& path) {
  for (auto& hierarchy : layout.hierarchies) {
    for (std::size_t end = 0; !hierarchy.writable && end < path.size();) {
      end = std::min(path.find('/', end + 1), path.size());
      const std::string part = path.substr(0, end);
      if (!can_write(hierarchy.mount.value + part)) continue;
      hierarchy.writable = true;
      hierarchy.delegated = part;
      if (hierarchy.unified) hierarchy.controllers = read_controllers(hierarchy.mount.value + part);
    }
  }
}

Layout read_layout_for(const std::string& path) {
  Layout layout = read_layout();
  find_delegated(layout, path);
  return layout;
}

}  // namespace tare::cgroup
