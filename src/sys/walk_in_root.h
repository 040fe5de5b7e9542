// What openat2(2) promises, kept by hand where it is missing: one component at a time on O_PATH descriptors
// that follow no link, links read as text, and `..` never asked of the kernel: the way is walked again from
// the root. So whatever is renamed meanwhile, no step leads out. Freestanding: tare-init includes it, too.
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

namespace tare::sys {

/// `Call` makes a system call, call(number, a, b, c, d, e), and returns a negative errno where it fails.
template <typename Call>
class WalkInRoot {
 public:
  /// As openat2(2) has them: a `resolve` has RESOLVE_IN_ROOT or RESOLVE_BENEATH, and may have
  /// RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS and RESOLVE_NO_XDEV (before 5.8, when statx(2) learnt to tell
  /// mounts apart: between file systems).
  WalkInRoot(Call call, int root, uint64_t flags, uint64_t mode, uint64_t resolve)
      : call_(call), root_(root), flags_(flags), mode_(mode), resolve_(resolve) {}
  WalkInRoot(const WalkInRoot&) = delete;
  WalkInRoot& operator=(const WalkInRoot&) = delete;
  ~WalkInRoot() { go_to(root_); }

  /// The descriptor, or a negative errno. EAGAIN: others kept renaming what is on the way.
  long open(const char* path) {
    long result = -again;
    for (int attempt = 0; result == -again && attempt < 100; attempt++) result = walk(path);
    return result;
  }

 private:
  static constexpr uint64_t no_xdev = 1, no_magiclinks = 2, no_symlinks = 4, beneath = 8;
  static constexpr uint64_t o_creat = 0100, o_excl = 0200, o_cloexec = 02000000, o_path = 010000000;
#if defined(__aarch64__)
  static constexpr uint64_t o_directory = 040000, o_nofollow = 0100000;
#else
  static constexpr uint64_t o_directory = 0200000, o_nofollow = 0400000;
#endif
  static constexpr long noent = 2, again = 11, xdev = 18, notdir = 20, inval = 22, nametoolong = 36,
                        loop = 40;
  static constexpr long proc_super_magic = 0x9fa0;
  static constexpr size_t limit = 4096;
  static constexpr int link_limit = 40;  // as path_resolution(7)

  static long address(const void* pointer) { return reinterpret_cast<long>(pointer); }
  long open_at(int directory, const char* name, uint64_t flags, uint64_t mode = 0) {
    return call_(__NR_openat, directory, address(name), static_cast<long>(flags | o_cloexec),
                 static_cast<long>(mode), 0L);
  }
  void close(long fd) { call_(__NR_close, fd, 0L, 0L, 0L, 0L); }
  void go_to(long fd) {
    if (at_ != root_ && at_ >= 0) close(at_);
    at_ = static_cast<int>(fd);
  }

  long walk(const char* path) {
    go_to(root_);
    walked_size_ = 0;
    links_left_ = link_limit;
    if (path[0] == '\0') return -noent;
    if (path[0] == '/' && (resolve_ & beneath)) return -xdev;
    if (const long put = put_before_rest(path, rest_ + limit - 1, false); put < 0) return put;
    for (;;) {
      while (*next_ == '/') next_++;
      if (*next_ == '\0') return open_at(at_, ".", flags_ & ~(o_creat | o_nofollow), mode_);
      const char* name = next_;
      while (*next_ != '\0' && *next_ != '/') next_++;
      const bool is_last = *next_ == '\0';
      if (!is_last) *next_++ = '\0';
      if (name[0] == '.' && name[1] == '\0') continue;
      bool is_found = false;
      const long result =
          name[0] == '.' && name[1] == '.' && name[2] == '\0' ? go_up() : enter(name, is_last, is_found);
      if (result < 0 || is_found) return result;
    }
  }

  // The rest of the path begins with `text`, `before` what was left of it: behind a slash or, at a path's
  // very end, nothing.
  long put_before_rest(const char* text, const char* before, bool has_rest) {
    size_t size = 0, left = 0;
    while (text[size] != '\0') size++;
    while (has_rest && before[left] != '\0') left++;
    if (size + left + 2 > limit) return -nametoolong;
    char* end = rest_ + limit;
    *--end = '\0';
    for (; left > 0; left--) *--end = before[left - 1];  // it lies further behind, or there already
    if (has_rest) *--end = '/';
    while (size > 0) *--end = text[--size];
    next_ = end;
    return 0;
  }

  long go_up() {
    const long place = open_at(at_, ".", o_path | o_directory);  // `..` of a file is none
    if (place < 0) return place;
    close(place);
    if (walked_size_ == 0) return resolve_ & beneath ? -xdev : 0;
    do walked_size_--;
    while (walked_size_ > 0 && walked_[walked_size_] != '/');
    go_to(root_);
    for (size_t i = 0; i < walked_size_;) {
      char* name = walked_ + i + 1;
      for (i++; i < walked_size_ && walked_[i] != '/'; i++) {
      }
      const char behind = walked_[i];
      walked_[i] = '\0';
      const long fd = open_at(at_, name, o_path | o_directory | o_nofollow);
      walked_[i] = behind;
      if (fd < 0) return fd == -notdir || fd == -loop || fd == -noent ? -again : fd;
      go_to(fd);
    }
    return 0;
  }

  long enter(const char* name, bool is_last, bool& is_found) {
    is_found = is_last;
    if (is_last && (flags_ & o_creat) && (flags_ & o_excl)) return open_last(name);
    const long fd = open_at(at_, name, o_path | o_nofollow);
    if (fd == -noent && is_last && (flags_ & o_creat)) return open_last(name);
    if (fd < 0) return fd;
    // Of a descriptor that is no link ENOENT is what readlinkat(2) says.
    const long size = call_(__NR_readlinkat, fd, address(""), address(target_), long{limit - 1}, 0L);
    if (size >= 0 && !(is_last && (flags_ & o_nofollow))) {
      is_found = false;
      target_[size] = '\0';
      const bool may_follow = !(resolve_ & no_symlinks) && links_left_-- > 0 && !is_magic(fd);
      close(fd);
      return may_follow ? follow(is_last) : -loop;
    }
    if (size < 0 && size != -noent && size != -inval) return drop(fd, size);
    if ((resolve_ & no_xdev) && !is_in_mount_of_root(fd)) return drop(fd, -xdev);
    if (!is_last) {
      size_t length = 0;
      while (name[length] != '\0') length++;
      if (walked_size_ + length + 2 > limit) return drop(fd, -nametoolong);
      walked_[walked_size_++] = '/';
      for (size_t i = 0; i < length; i++) walked_[walked_size_++] = name[i];
      go_to(fd);
      return 0;
    }
    if (!(flags_ & o_path)) return drop(fd, 0), open_last(name);
    if (!(flags_ & o_directory)) return fd;
    return drop(fd, open_at(static_cast<int>(fd), ".", flags_));
  }

  long drop(long fd, long result) {
    close(fd);
    return result;
  }

  // By the kernel, which must not follow what has become a link since it was looked at.
  long open_last(const char* name) {
    const long fd = open_at(at_, name, flags_ | o_nofollow, mode_);
    if (fd == -loop && !(flags_ & o_nofollow)) return -again;
    return fd >= 0 && (resolve_ & no_xdev) && !is_in_mount_of_root(fd) ? drop(fd, -xdev) : fd;
  }

  long follow(bool was_last) {
    if (target_[0] == '\0') return -noent;
    if (target_[0] == '/') {
      if (resolve_ & beneath) return -xdev;
      go_to(root_);
      walked_size_ = 0;
    }
    return put_before_rest(target_, next_, !was_last);
  }

  // What procfs shows as links and resolves by itself is named by a path of the host's or by a kind of thing;
  // its real links (self, mounts, net) are relative. Followed as texts both would stay inside.
  bool is_magic(long link) {
    if (!(resolve_ & no_magiclinks)) return false;
    long filesystem[16] = {};
    if (call_(__NR_fstatfs, link, address(filesystem), 0L, 0L, 0L) < 0) return true;
    if (filesystem[0] != proc_super_magic) return false;
    bool is_kind = false;
    for (const char* c = target_; *c != '\0'; c++) is_kind = is_kind || *c == ':';
    return is_kind || target_[0] == '/';
  }

  struct Mount {
    uint64_t id;
    uint32_t device_major, device_minor;
    bool operator==(const Mount&) const = default;
  };
  Mount mount_of(long fd) {
    // struct statx: the mask, stx_dev_major and stx_dev_minor, stx_mnt_id.
    uint32_t status[64] = {};
    constexpr long at_empty_path = 0x1000, basic = 0x7ff, mount_id = 0x1000;
    call_(__NR_statx, fd, address(""), at_empty_path, basic | mount_id, address(status));
    return {status[0] & mount_id ? status[36] | uint64_t{status[37]} << 32 : 0, status[34], status[35]};
  }
  bool is_in_mount_of_root(long fd) {
    const Mount place = mount_of(fd);
    return place != Mount{} && place == mount_of(root_);
  }

  Call call_;
  int root_;
  uint64_t flags_, mode_, resolve_;
  int at_ = root_;
  int links_left_ = link_limit;
  char* next_ = rest_;
  size_t walked_size_ = 0;
  char walked_[limit];  ///< "/a/b": from the root to at_, without links
  char rest_[limit], target_[limit];
};

}  // namespace tare::sys
