#include "archive/tree_writer.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "archive/metadata.h"
#include "archive/whiteout.h"
#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::archive {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY;

ContainerPath beneath(const std::string& path) { return ContainerPath(path.empty() ? "." : path); }

std::string start_of(std::string_view path) { return std::string(path.substr(0, 255)); }

Error parent_error(int error_number, const std::string& path) {
  const std::string shown = start_of(path);
  switch (error_number) {
    case EXDEV:
      return Error(
          ErrorKind::invalid,
          format("its parent {} is a symlink that leads outside of the archive's root: refused", shown));
    case ENOTDIR: return Error(ErrorKind::invalid, format("its parent {} is not a directory", shown));
    case EEXIST: return Error(ErrorKind::invalid, format("its parent {} is a symlink to nothing", shown));
    case ELOOP: return Error(ErrorKind::invalid, format("its parent {} is a loop of symlinks", shown));
    default: return system_error(error_number, format("cannot open its parent {}", shown));
  }
}

void read_times(sys::Fd directory, timespec (&times)[2]) {
  struct stat status;
  if (::fstat(directory.number(), &status) != 0) throw system_error("cannot look at a directory");
  times[0] = status.st_atim;
  times[1] = status.st_mtim;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

void TreeWriter::write(const Entry& entry, TarReader& contents) {
  resolve_name(entry.name, path_);
  if (limits_.whiteouts == Whiteouts::refused) refuse_whiteouts(path_);
  const WhiteoutKind whiteout = makes_marks() ? whiteout_kind(path_) : WhiteoutKind::none;
  if (whiteout == WhiteoutKind::metadata) return;
  if (path_.name.empty()) return write_root(entry, contents);
  enter_parent(path_.parent);
  // Whatever else the entry is: AUFS made them hard links of one file.
  if (whiteout == WhiteoutKind::siblings) return mark_opaque(parent_.fd);
  if (whiteout == WhiteoutKind::name) return write_whiteout(path_.name.substr(whiteout_prefix.size()));
  switch (entry.kind) {
    case EntryKind::file: return write_file(entry, contents);
    case EntryKind::directory: return write_directory(entry, contents);
    case EntryKind::hard_link: return write_hard_link(entry);
    case EntryKind::symlink: return write_symlink(entry, contents);
    case EntryKind::character_device:
    case EntryKind::block_device:
    case EntryKind::fifo: return write_node(entry, contents);
  }
}

void TreeWriter::enter_parent(const std::string& path) {
  if (parent_.fd && !parent_.stale && parent_.path == path) return;
  leave_parent();
  sys::UniqueFd fd = sys::try_open_beneath(root_, beneath(path), directory_flags);
  if (!fd && (errno == ENOENT || (errno == ENOTDIR && makes_marks()))) fd = make_parents(path);
  if (!fd) throw parent_error(errno, path);
  read_times(fd, parent_.times);
  parent_.fd = std::move(fd);
  parent_.path = path;
  parent_.stale = false;
}

void TreeWriter::leave_parent() {
  if (!parent_.fd) return;
  if (::futimens(parent_.fd.number(), parent_.times) != 0)
    throw system_error(format("cannot set the time of {}", start_of(parent_.path)));
  parent_.fd.reset();
}

sys::UniqueFd TreeWriter::make_parents(const std::string& path) {
  std::string existing = path;
  sys::UniqueFd fd;
  while (!fd) {
    existing = parent_of(existing);
    fd = sys::try_open_beneath(root_, beneath(existing), directory_flags);
    if (!fd && errno != ENOENT && errno != ENOTDIR) throw parent_error(errno, existing);
  }
  timespec times[2];
  read_times(fd, times);
  const sys::UniqueFd changed(::fcntl(fd.number(), F_DUPFD_CLOEXEC, 0));
  for (std::size_t begin = existing.empty() ? 0 : existing.size() + 1; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    const bool was_hidden = remove_mark(fd, name);
    if (::mkdirat(fd.number(), name.c_str(), 0755) != 0) {
      const int why = errno;
      const auto present = sys::try_status(fd, name, AT_SYMLINK_NOFOLLOW);
      throw parent_error(present && !S_ISLNK(present->st_mode) ? ENOTDIR : why, path.substr(0, end));
    }
    implied_directories_++;
    fd = sys::open_at(fd, name, directory_flags | O_NOFOLLOW);
    if (was_hidden) mark_opaque(fd);
    if (::fchmod(fd.number(), 0755) != 0) throw system_error("cannot set the mode of a parent");
    begin = end + 1;
  }
  if (::futimens(changed.number(), times) != 0) throw system_error("cannot set the time of a parent");
  return fd;
}

void TreeWriter::clear_way() {
  sys::remove_tree(parent_.fd, path_.name);
  parent_.stale = true;
}

/// True: the name was hidden, and now is not there.
bool TreeWriter::remove_mark(sys::Fd directory, const std::string& name) {
  if (!makes_marks()) return false;
  const auto present = sys::try_status(directory, name, AT_SYMLINK_NOFOLLOW);
  return present && is_whiteout(*present) && sys::remove_file(directory, name);
}

void TreeWriter::mark_opaque(sys::Fd directory) {
  // Where the file system has no attributes of this kind, no overlay that looks for them can use it.
  if (::fsetxattr(directory.number(), user_opaque, "y", 1, 0) != 0 && (errno != EOPNOTSUPP || !mark_trusted_))
    throw system_error(format("cannot set the directory's attribute {}", user_opaque));
  if (mark_trusted_) mark_trusted_(directory);
}

void TreeWriter::write_whiteout(const std::string& hidden) {
  const auto present = sys::try_status(parent_.fd, hidden, AT_SYMLINK_NOFOLLOW);
  if (!present) return make_whiteout(parent_.fd, hidden);
  // What has this name is the same layer's: it stays, and what lower layers have in it is hidden.
  if (S_ISDIR(present->st_mode)) mark_opaque(sys::open_at(parent_.fd, hidden, directory_flags | O_NOFOLLOW));
}

void TreeWriter::write_root(const Entry& entry, TarReader& contents) {
  if (entry.kind != EntryKind::directory)
    throw Error(ErrorKind::invalid, "the archive's root is not a directory: refused");
  leave_parent();
  put_metadata(sys::open_at(root_, ".", directory_flags), entry, contents);
}

void TreeWriter::write_directory(const Entry& entry, TarReader& contents) {
  if (::mkdirat(parent_.fd.number(), path_.name.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot make the directory");
  sys::UniqueFd fd = sys::try_open_at(parent_.fd, path_.name, directory_flags | O_NOFOLLOW);
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    clear_way();
    sys::make_directory(parent_.fd, path_.name, 0700);
    fd = sys::try_open_at(parent_.fd, path_.name, directory_flags | O_NOFOLLOW);
    // A file or a whiteout, which hid all that lower layers have of this name; so does the directory.
    if (fd && makes_marks()) mark_opaque(fd);
  }
  if (!fd) throw system_error("cannot open the directory");
  put_metadata(fd, entry, contents);
}

void TreeWriter::write_file(const Entry& entry, TarReader& contents) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  sys::UniqueFd fd = sys::try_open_at(parent_.fd, path_.name, flags, 0600);
  if (!fd && errno == EEXIST) {
    clear_way();
    fd = sys::try_open_at(parent_.fd, path_.name, flags, 0600);
  }
  if (!fd) throw system_error("cannot create the file");
  Bytes end = 0;
  for (Piece piece; contents.next(piece);) {
    if (piece.offset < end || piece.offset + static_cast<Bytes>(piece.bytes.size()) > entry.size)
      throw Error(ErrorKind::invalid, "its data does not fit its size: damaged");
    end = piece.offset;
    while (!piece.bytes.empty()) {
      const ssize_t count = ::pwrite(fd.number(), piece.bytes.data(), piece.bytes.size(), end);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw system_error("cannot write");
      piece.bytes.remove_prefix(static_cast<std::size_t>(count));
      end += count;
    }
  }
  if (end < entry.size && ::ftruncate(fd.number(), entry.size) != 0)
    throw system_error(format("cannot make it {} bytes long", entry.size));
  put_metadata(fd, entry, contents);
}

void TreeWriter::write_hard_link(const Entry& entry) {
  const std::string_view shown = entry.target.substr(0, 255);
  {
    Step step("hard link to", shown);
    resolve_name(entry.target, target_);
  }
  if (target_.name.empty())
    throw Error(ErrorKind::invalid, format("a hard link to the directory {}: refused", shown));
  const sys::UniqueFd parent = sys::try_open_beneath(root_, beneath(target_.parent), O_PATH | O_DIRECTORY);
  if (!parent && errno == EXDEV)
    throw Error(ErrorKind::invalid,
                format("a hard link to {}, which leads outside of the archive's root: refused", shown));
  const auto target = parent ? sys::try_status(parent, target_.name, AT_SYMLINK_NOFOLLOW) : std::nullopt;
  if (!target || is_whiteout(*target))
    throw Error(ErrorKind::invalid,
                format("a hard link to {}, which is not in the archive before it", shown));
  if (S_ISDIR(target->st_mode))
    throw Error(ErrorKind::invalid, format("a hard link to the directory {}: refused", shown));
  const auto present = sys::try_status(parent_.fd, path_.name, AT_SYMLINK_NOFOLLOW);
  if (present && present->st_dev == target->st_dev && present->st_ino == target->st_ino) return;
  if (present) clear_way();
  // Without AT_SYMLINK_FOLLOW a symlink itself is linked, not what it points to.
  if (::linkat(parent.number(), target_.name.c_str(), parent_.fd.number(), path_.name.c_str(), 0) != 0)
    throw system_error(format("cannot make the hard link to {}", shown));
}

void TreeWriter::write_symlink(const Entry& entry, TarReader& contents) {
  if (entry.target.empty()) throw Error(ErrorKind::invalid, "a symlink without a target");
  const std::string target(entry.target);
  if (::symlinkat(target.c_str(), parent_.fd.number(), path_.name.c_str()) != 0) {
    if (errno != EEXIST) throw system_error("cannot make the symlink");
    clear_way();
    if (::symlinkat(target.c_str(), parent_.fd.number(), path_.name.c_str()) != 0)
      throw system_error("cannot make the symlink");
  }
  put_metadata_at(parent_.fd, path_.name, entry, contents);
}

void TreeWriter::write_node(const Entry& entry, TarReader& contents) {
  const mode_t type = entry.kind == EntryKind::fifo               ? S_IFIFO
                      : entry.kind == EntryKind::character_device ? S_IFCHR
                                                                  : S_IFBLK;
  // Overlayfs takes it for the sign that a lower layer's file is deleted: it would not be seen, nor what it
  // hides. In a layer containerd makes it all the same, so that it becomes a whiteout that nobody wrote.
  if (type == S_IFCHR && entry.device == 0)
    throw Error(ErrorKind::invalid, "a character device 0:0 cannot be kept: it means a deleted file");
  if (type != S_IFIFO && !limits_.device_nodes) return;
  if (::mknodat(parent_.fd.number(), path_.name.c_str(), type | 0600, entry.device) != 0) {
    if (errno != EEXIST) throw system_error("cannot make the device or FIFO");
    clear_way();
    if (::mknodat(parent_.fd.number(), path_.name.c_str(), type | 0600, entry.device) != 0)
      throw system_error("cannot make the device or FIFO");
  }
  put_metadata_at(parent_.fd, path_.name, entry, contents);
}

}  // namespace tare::archive
