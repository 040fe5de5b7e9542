#include "init/older_mounts.h"

#include "init/constants.h"
#include "init/fdinfo.h"
#include "init/mountinfo.h"
#include "init/operations.h"
#include "init/paths.h"
#include "init/syscalls.h"
#include "init/text.h"

namespace tare::init::older {
namespace {

constexpr const char* waiting_place = "/proc/driver";
int waiting_directory = -1, waiting_count = 0;

// Where the host's procfs says what a descriptor is.
long check_procfs() {
  Statfs filesystem{};
  Statx status{};
  long result = call(__NR_statfs, address("/proc"), address(&filesystem));
  if (result == 0)
    result = call(__NR_statx, at_fdcwd, address("/proc"), at_symlink_nofollow, statx_basic, address(&status));
  if (result < 0) return result;
  return filesystem.type == proc_super_magic && status.ino == proc_root_inode ? 0 : -e_nosys;
}

long mount(const char* source, const char* target, const char* type, long flags, const char* data) {
  return call(__NR_mount, address(source), address(target), address(type), flags, address(data));
}

// The number of the mount that a descriptor is in.
uint64_t mount_id(int fd) { return read_fdinfo(fd, "mnt_id:\t"); }

struct DescriptorPath : PathBuffer {
  explicit DescriptorPath(int fd) {
    append("/proc/self/fd/");
    append_number(fd);
  }
};

// A place for a mount of this kind (a directory or a file), as a path and as a name below it.
struct Place {
  PathBuffer path;
  const char* name = nullptr;

  long make(bool is_directory) {
    if (const long prepared = prepare_directory(); prepared < 0) return prepared;
    path.append(waiting_place);
    path.append("/");
    const size_t at = length(path.text());
    path.append_number(waiting_count++);
    name = path.text() + at;
    return is_directory ? call(__NR_mkdirat, waiting_directory, address(name), 0700)
                        : call(__NR_mknodat, waiting_directory, address(name), s_ifreg | 0600, 0);
  }
  /// What was mounted here.
  long open() const {
    return call(__NR_openat, waiting_directory, address(name), o_path | o_nofollow | o_cloexec, 0);
  }

 private:
  static long prepare_directory() {
    if (waiting_directory >= 0) return 0;
    long result = check_procfs();
    if (result == 0)
      result = mount("tmpfs", waiting_place, "tmpfs", ms_nosuid | ms_nodev | ms_noexec, "mode=700");
    if (result == 0)
      result = call(__NR_openat, at_fdcwd, address(waiting_place), o_path | o_directory | o_cloexec, 0);
    if (result >= 0) waiting_directory = static_cast<int>(result);
    return result < 0 ? result : 0;
  }
};

long is_directory(int fd) {
  Statx status{};
  const long result = call(__NR_statx, fd, address(""), at_empty_path, statx_basic, address(&status));
  return result < 0 ? result : (status.mode & s_ifmt) == s_ifdir;
}

// The options of plan::Kind::new_filesystem as mount(2) takes them; `source` goes on its own.
struct Options {
  const char* source = nullptr;
  PathBuffer data;

  explicit Options(const char* const* options) {
    for (; options && *options; options++) {
      const char* key = *options + 1;
      const char* value = (*options)[0] == '=' ? after_terminator(key) : nullptr;
      if (value && is_same(key, "source")) {
        source = value;
        continue;
      }
      if (data.text()[0] != '\0') data.append(",");
      data.append(key);
      if (!value) continue;
      // A label's categories have commas (c1,c2); mount(2) takes such a value in quotes.
      const bool is_quoted = contains(value, ',');
      data.append(is_quoted ? "=\"" : "=");
      data.append(value);
      if (is_quoted) data.append("\"");
    }
  }
};

constexpr struct {
  uint64_t attribute;
  long flag, status;
} flags_of_mounts[] = {{mount_attr_rdonly, ms_rdonly, st_rdonly},
                       {mount_attr_nosuid, ms_nosuid, st_nosuid},
                       {mount_attr_nodev, ms_nodev, st_nodev},
                       {mount_attr_noexec, ms_noexec, st_noexec},
                       {mount_attr_nodiratime, ms_nodiratime, st_nodiratime},
                       {mount_attr_nosymfollow, ms_nosymfollow, st_nosymfollow}};
constexpr uint64_t known_attributes = mount_attr_rdonly | mount_attr_nosuid | mount_attr_nodev |
                                      mount_attr_noexec | mount_attr_nodiratime | mount_attr_nosymfollow |
                                      mount_attr_atime;

long to_flags(uint64_t attributes) {
  const uint64_t times = attributes & mount_attr_atime;
  long flags = times == mount_attr_noatime       ? ms_noatime
               : times == mount_attr_strictatime ? ms_strictatime
                                                 : ms_relatime;
  for (const auto& one : flags_of_mounts)
    if (attributes & one.attribute) flags |= one.flag;
  return flags;
}

// A remount sets all flags of a mount anew, so those that it has are asked for again.
long remount(int fd, uint64_t set, uint64_t clear) {
  Statfs filesystem{};
  const long result = call(__NR_fstatfs, fd, address(&filesystem));
  if (result < 0) return result;
  uint64_t attributes = filesystem.flags & st_noatime    ? mount_attr_noatime
                        : filesystem.flags & st_relatime ? 0
                                                         : mount_attr_strictatime;
  for (const auto& one : flags_of_mounts)
    if (filesystem.flags & one.status) attributes |= one.attribute;
  DescriptorPath path(fd);
  return mount(nullptr, path.text(), nullptr, ms_remount | ms_bind | to_flags((attributes & ~clear) | set),
               nullptr);
}

// What is mounted below a mount that waits. A mount that others cover is not to be reached, by the container
// neither.
long remount_below(int top, uint64_t set, uint64_t clear) {
  Mountinfo table;
  if (const long result = table.read(); result < 0) return result;
  MountLine whole;
  if (!table.find(mount_id(top), whole)) return -e_nosys;
  const char* base = whole.path.text();
  if (!after_prefix(base, waiting_place)) return -e_nosys;
  MountLine line;
  for (table.rewind(); table.next(line);) {
    const char* rest = after_prefix(line.path.text(), base);
    if (!rest || *rest != '/') continue;
    const long fd = open_in_root(top, rest, plan::no_symlinks);
    if (fd < 0) return fd;
    const uint64_t found = mount_id(static_cast<int>(fd));
    const long result = found == line.id                       ? remount(static_cast<int>(fd), set, clear)
                        : table.is_at(found, line.path.text()) ? 0
                                                               : -e_busy;
    close(static_cast<int>(fd));
    if (result < 0) return result;
  }
  return 0;
}

// One that was made by a newer call hangs nowhere, and mount(2) changes no such mount.
long let_wait(int fd) {
  const long kind = is_directory(fd);
  if (kind < 0) return kind;
  Place place;
  const long result = place.make(kind == 1);
  return result < 0 ? result : move_mount(fd, place.path.text());
}

}  // namespace

long make_filesystem(const char* type, const char* const* options, uint64_t attributes) {
  Options known(options);
  if (known.data.too_long() || (attributes & ~known_attributes)) return -e_nosys;
  Place place;
  long result = place.make(true);
  if (result < 0) return result;
  // A read-only mount of a file system that is not: the flag of mount(2) would be both's. Where only a
  // read-only one may be mounted (user_namespaces(7)), both it is.
  const long flags = to_flags(attributes & ~mount_attr_rdonly);
  const char* data = known.data.text()[0] != '\0' ? known.data.text() : nullptr;
  result = mount(known.source, place.path.text(), type, flags, data);
  if (result == -e_perm && (attributes & mount_attr_rdonly))
    result = mount(known.source, place.path.text(), type, flags | ms_rdonly, data);
  if (result == 0) result = place.open();
  if (result >= 0 && (attributes & mount_attr_rdonly))
    if (const long changed = remount(static_cast<int>(result), mount_attr_rdonly, 0); changed < 0)
      return changed;
  return result;
}

long clone_mount(int fd, const char* path, bool is_recursive) {
  const bool is_opened = path[0] != '\0';
  if (is_opened) {
    const long opened = call(__NR_openat, fd, address(path), o_path | o_cloexec, 0);
    if (opened < 0) return opened;
    fd = static_cast<int>(opened);
  }
  Place place;
  long result = is_directory(fd);
  if (result >= 0) result = place.make(result == 1);
  DescriptorPath source(fd);
  if (result == 0)
    result = mount(source.text(), place.path.text(), nullptr, ms_bind | (is_recursive ? ms_recursive : 0),
                   nullptr);
  if (result == 0) result = mount(nullptr, place.path.text(), nullptr, ms_private | ms_recursive, nullptr);
  if (result == 0) result = place.open();
  if (is_opened) close(fd);
  return result;
}

long set_mount_attributes(int mount, bool is_recursive, uint64_t set, uint64_t clear) {
  if ((set | clear) & ~known_attributes) return -e_nosys;
  long result = remount(mount, set, clear);
  if (result == -e_inval) {
    result = let_wait(mount);
    if (result == 0) result = remount(mount, set, clear);
  }
  return result == 0 && is_recursive ? remount_below(mount, set, clear) : result;
}

long set_mount_propagation(int mount_fd, uint64_t flags) {
  if (const long checked = check_procfs(); checked < 0) return checked;
  DescriptorPath path(mount_fd);
  return mount(nullptr, path.text(), nullptr, static_cast<long>(flags), nullptr);
}

long move_mount(int mount_fd, const char* host_path) {
  if (const long result = check_procfs(); result < 0) return result;
  DescriptorPath source(mount_fd);
  return mount(source.text(), host_path, nullptr, ms_move, nullptr);
}

long move_mount(int mount_fd, int target) {
  DescriptorPath path(target);
  return move_mount(mount_fd, path.text());
}

}  // namespace tare::init::older
