#include "engine/disk_usage.h"

#include <cerrno>
#include <set>
#include <sys/stat.h>
#include <vector>

#include "base/error.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// As deep as a tree may be, only one directory is open.
class Count {
 public:
  explicit Count(sys::UniqueFd top) : directory_(std::move(top)) { enter(); }

  Bytes total() {
    while (!levels_.empty()) {
      if (levels_.back().entries.empty()) {
        leave();
        continue;
      }
      const sys::DirectoryEntry entry = std::move(levels_.back().entries.back());
      levels_.back().entries.pop_back();
      const auto status = sys::try_status(directory_, entry.name, AT_SYMLINK_NOFOLLOW);
      if (!status) continue;
      if (S_ISDIR(status->st_mode)) {
        if (sys::UniqueFd next = sys::try_open_at(directory_, entry.name, directory_flags)) {
          directory_ = std::move(next);
          enter();
        }
      } else if (status->st_nlink == 1 || seen_.emplace(status->st_dev, status->st_ino).second) {
        total_ += status->st_size;
      }
    }
    return total_;
  }

 private:
  struct Level {
    sys::FileIdentity identity;
    std::vector<sys::DirectoryEntry> entries;
  };

  void enter() { levels_.push_back({sys::identify(directory_), sys::read_entries(directory_)}); }
  void leave() {
    levels_.pop_back();
    if (!levels_.empty()) directory_ = sys::open_parent(directory_, levels_.back().identity);
  }

  sys::UniqueFd directory_;
  std::vector<Level> levels_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  Bytes total_ = 0;
};

}  // namespace

Bytes disk_usage(const HostPath& tree) {
  sys::UniqueFd top = sys::try_open_at(sys::here, tree.value, directory_flags);
  return top ? Count(std::move(top)).total() : 0;
}

}  // namespace tare::engine
