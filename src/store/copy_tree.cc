#include "store/copy_tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "oci/id_mapping.h"
#include "store/copy_contents.h"
#include "store/copy_metadata.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace tare::store {
namespace {

constexpr std::uint32_t nobody = 65534;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// A directory of the target by its way from the top, kept for hard links; 0 is the top itself.
using Place = std::size_t;

class TreeCopy {
 public:
  TreeCopy(sys::Fd from, sys::Fd to, const Owners& owners,
           const std::function<void(std::uint64_t bytes)>& progress)
      : top_(to),
        owners_(owners),
        source_(open_source(from, ".", directory_flags)),
        target_(sys::open_at(to, ".", directory_flags)),
        contents_(progress) {}

  void run();
  /// Of the entry being copied, "/etc/passwd".
  const std::string& path() const { return path_; }

 private:
  /// One directory of the chain from the top to the current one, the only one that is open: a descriptor for
  /// each would run out in a deep tree.
  struct Level {
    std::string name;
    struct statx status;
    sys::FileIdentity source, target;
    std::vector<std::string> directories;  ///< yet to be entered, the last one first
    std::optional<Place> place;
  };
  struct Link {
    Place place;
    std::string name;
    std::uint32_t missing;  ///< names not met yet
  };
  struct HashIdentity {
    std::size_t operator()(const sys::FileIdentity& file) const noexcept {
      return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
  };

  static sys::UniqueFd open_source(sys::Fd directory, const std::string& name, int flags);
  /// With the owner that the copy is to have.
  struct statx read_status(sys::Fd directory, const std::string& name) const;
  bool in_same_mount(const struct statx& status) const;

  void add_level(std::string name, const struct statx& status);
  void enter(std::string name);
  void leave();
  void copy_entries();
  void copy_entry(const std::string& name);
  void make_file(const std::string& name, const struct statx& status);
  void make_symlink(const std::string& name, const struct statx& status);
  void make_node(const std::string& name, const struct statx& status);

  bool try_link(const std::string& name, const struct statx& status);
  void remember(const std::string& name, const struct statx& status);
  Place current_place();
  sys::UniqueFd open_place(Place place) const;

  sys::Fd top_;
  const Owners& owners_;
  sys::UniqueFd source_, target_;  ///< the current directory
  ContentsCopy contents_;
  std::vector<Level> levels_;
  std::string path_;
  std::unordered_map<sys::FileIdentity, Link, HashIdentity> links_;
  struct PlaceName {
    Place parent;
    std::string name;
  };
  std::vector<PlaceName> places_;
};

sys::FileIdentity identity_of(const struct statx& status) {
  return {makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
}

std::uint32_t owner_outside(const std::vector<oci::IdMapping>& mappings, std::uint32_t id) {
  return mappings.empty() ? id : oci::host_id(mappings, id).value_or(nobody);
}

// Reading must not change the source's access times, which are copied too; only the owner and
// CAP_FOWNER may ask for that (open(2)).
sys::UniqueFd TreeCopy::open_source(sys::Fd directory, const std::string& name, int flags) {
  sys::UniqueFd fd = sys::try_open_at(directory, name, flags | O_NOATIME);
  if (!fd && errno == EPERM) fd = sys::try_open_at(directory, name, flags);
  if (!fd) throw system_error("cannot open");
  return fd;
}

struct statx TreeCopy::read_status(sys::Fd directory, const std::string& name) const {
  struct statx status;
  if (::statx(directory.number(), name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
              STATX_BASIC_STATS | STATX_MNT_ID, &status) != 0)
    throw system_error("cannot read its status");
  status.stx_uid = owner_outside(owners_.uids, status.stx_uid);
  status.stx_gid = owner_outside(owners_.gids, status.stx_gid);
  return status;
}

// Since Linux 5.8 the kernel tells the mount. Before, a device that differs is the only sign, and overlayfs
// shows those of the layers for files.
bool TreeCopy::in_same_mount(const struct statx& status) const {
  const struct statx& top = levels_.front().status;
  if (status.stx_mask & STATX_MNT_ID) return status.stx_mnt_id == top.stx_mnt_id;
  return !S_ISDIR(status.stx_mode) || identity_of(status).device == identity_of(top).device;
}

void TreeCopy::run() {
  {
    Step step("copy", "/");
    // A default ACL here would be inherited by all that is made below.
    clear_attributes(target_);
    add_level("", read_status(source_, ""));
  }
  copy_entries();
  while (!levels_.empty()) {
    auto& directories = levels_.back().directories;
    if (directories.empty()) {
      leave();
      continue;
    }
    std::string name = std::move(directories.back());
    directories.pop_back();
    enter(std::move(name));
    if (in_same_mount(levels_.back().status)) copy_entries();
  }
}

void TreeCopy::add_level(std::string name, const struct statx& status) {
  levels_.push_back({std::move(name), status, sys::identify(source_), sys::identify(target_), {}, {}});
}

void TreeCopy::enter(std::string name) {
  path_.append("/").append(name);
  Step step("copy", path_);
  const struct statx status = read_status(source_, name);
  if (::mkdirat(target_.number(), name.c_str(), 0700) != 0) throw system_error("cannot make the directory");
  source_ = open_source(source_, name, directory_flags);
  target_ = sys::open_at(target_, name, directory_flags);
  add_level(std::move(name), status);
}

void TreeCopy::leave() {
  {
    Step step("copy", path_.empty() ? std::string_view("/") : path_);
    copy_metadata(source_, target_, levels_.back().status);
    if (levels_.size() > 1) {
      const Level& parent = levels_[levels_.size() - 2];
      source_ = sys::open_parent(source_, parent.source);
      target_ = sys::open_parent(target_, parent.target);
    }
  }
  if (levels_.size() > 1) path_.resize(path_.size() - levels_.back().name.size() - 1);
  levels_.pop_back();
}

void TreeCopy::copy_entries() {
  std::vector<sys::DirectoryEntry> entries;
  {
    Step step("copy", path_.empty() ? std::string_view("/") : path_);
    entries = sys::read_entries(source_);
  }
  // In the order of their inodes, which on a disk lie in that order.
  std::ranges::sort(entries, {}, &sys::DirectoryEntry::inode);
  for (auto& entry : entries) {
    if (entry.kind == DT_UNKNOWN && S_ISDIR(read_status(source_, entry.name).stx_mode)) entry.kind = DT_DIR;
    if (entry.kind == DT_DIR)
      levels_.back().directories.push_back(std::move(entry.name));
    else
      copy_entry(entry.name);
  }
  std::ranges::reverse(levels_.back().directories);
}

void TreeCopy::copy_entry(const std::string& name) {
  path_.append("/").append(name);
  {
    Step step("copy", path_);
    const struct statx status = read_status(source_, name);
    const bool linked = status.stx_nlink > 1 && in_same_mount(status);
    if (!linked || !try_link(name, status)) {
      switch (status.stx_mode & S_IFMT) {
        case S_IFREG: make_file(name, status); break;
        case S_IFLNK: make_symlink(name, status); break;
        default: make_node(name, status);
      }
      if (linked) remember(name, status);
    }
  }
  path_.resize(path_.size() - name.size() - 1);
}

void TreeCopy::make_file(const std::string& name, const struct statx& status) {
  const sys::UniqueFd from = open_source(source_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const sys::UniqueFd to = sys::try_open_at(target_, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!to) throw system_error("cannot make the file");
  if (in_same_mount(status)) contents_.copy(from, to, status.stx_size);
  copy_metadata(from, to, status);
}

void TreeCopy::make_symlink(const std::string& name, const struct statx& status) {
  const auto goal = sys::try_read_link(source_, name);
  if (!goal) throw system_error("cannot read the symlink");
  if (::symlinkat(goal->c_str(), target_.number(), name.c_str()) != 0)
    throw system_error("cannot make the symlink");
  copy_metadata_at(source_, target_, name, status);
}

void TreeCopy::make_node(const std::string& name, const struct statx& status) {
  const dev_t device = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  if (::mknodat(target_.number(), name.c_str(), (status.stx_mode & S_IFMT) | 0600, device) != 0)
    throw system_error("cannot make the device, FIFO or socket");
  copy_metadata_at(source_, target_, name, status);
}

bool TreeCopy::try_link(const std::string& name, const struct statx& status) {
  const auto found = links_.find(identity_of(status));
  if (found == links_.end()) return false;
  Link& first = found->second;
  sys::UniqueFd elsewhere;
  if (levels_.back().place != first.place) elsewhere = open_place(first.place);
  const sys::Fd directory = elsewhere ? elsewhere : target_;
  if (::linkat(directory.number(), first.name.c_str(), target_.number(), name.c_str(), 0) != 0) {
    // This file system has fewer links per file than the source's; another copy begins a new set.
    if (errno != EMLINK) throw system_error("cannot make the hard link");
    links_.erase(found);
    return false;
  }
  if (--first.missing == 0) links_.erase(found);
  return true;
}

void TreeCopy::remember(const std::string& name, const struct statx& status) {
  links_.insert_or_assign(identity_of(status), Link{current_place(), name, status.stx_nlink - 1});
}

// Only directories with hard links in them, and those above, become places.
Place TreeCopy::current_place() {
  if (levels_.back().place) return *levels_.back().place;
  Place parent = 0;
  for (Level& level : levels_) {
    if (!level.place) {
      level.place = places_.size();
      places_.push_back({parent, level.name});
    }
    parent = *level.place;
  }
  return parent;
}

// In portions, as a path of the whole may be longer than PATH_MAX.
sys::UniqueFd TreeCopy::open_place(Place place) const {
  constexpr std::size_t longest = PATH_MAX - 2 * (NAME_MAX + 1);
  std::vector<Place> way;
  for (; place != 0; place = places_[place].parent) way.push_back(place);
  sys::UniqueFd fd = sys::open_at(top_, ".", O_PATH | O_DIRECTORY);
  std::string portion;
  while (!way.empty()) {
    portion.append(places_[way.back()].name).append("/");
    way.pop_back();
    if (portion.size() < longest && !way.empty()) continue;
    fd = sys::open_at(fd, portion, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    portion.clear();
  }
  return fd;
}

}  // namespace

void copy_tree(sys::Fd from, sys::Fd to, const Owners& owners,
               const std::function<void(std::uint64_t bytes)>& progress) {
  TreeCopy copy(from, to, owners, progress);
  try {
    copy.run();
  } catch (const Error& error) {
    if (error.error_number() != ENOSPC) throw;
    Step step("copy", copy.path());
    throw Error(ErrorKind::system, error.text() + ": no space left on the device");
  }
}

}  // namespace tare::store
