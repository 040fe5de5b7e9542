#include "init/paths.h"

#include "init/constants.h"
#include "init/kernel.h"
#include "init/syscalls.h"
#include "init/text.h"
#include "plan/operations.h"

namespace tare::init {
namespace {

constexpr int link_limit = 40;  // as path_resolution(7)

enum class Make { directory, file };

// The component `name` (which ends at `end`, where the path is cut) is a symlink that leads to nothing:
// `path` becomes what it stands for, with the rest behind it.
long follow(int parent, PathBuffer& path, size_t name, size_t end, char cut) {
  PathBuffer followed;
  char target[path_limit];
  const long n =
      call(__NR_readlinkat, parent, address(path.text() + name), address(target), sizeof target - 1);
  if (n < 0) return n;
  target[n] = 0;
  if (target[0] != '/') followed.append(path.text(), name);
  followed.append(target);
  if (cut) {
    followed.append("/");
    followed.append(path.text() + end + 1);
  }
  path = followed;
  return path.too_long() ? -e_nametoolong : 0;
}

long make(int parent, const char* name, uint32_t mode, Make what) {
  return what == Make::file ? call(__NR_mknodat, parent, address(name), static_cast<long>(s_ifreg | mode), 0)
                            : call(__NR_mkdirat, parent, address(name), static_cast<long>(mode));
}

// Where only the last component is missing. Any other outcome is left to who looks at each of them.
long make_last(int root, const char* wanted, uint32_t mode, uint32_t flags, Make what) {
  PathBuffer path;
  path.append(wanted);
  if (path.too_long()) return -e_nametoolong;
  if (path.text()[0] != '/') return -e_noent;
  size_t slash = 0;
  for (size_t i = 0; path.text()[i]; i++)
    if (path.text()[i] == '/') slash = i;
  const char* name = path.text() + slash + 1;
  if (!*name || is_same(name, ".") || is_same(name, "..")) return -e_noent;
  path.text()[slash] = 0;
  const long parent = open_in_root(root, slash > 0 ? path.text() : "/", flags);
  if (parent < 0) return parent;
  long result = make(static_cast<int>(parent), name, mode, what);
  if (result == 0) result = call(__NR_openat, parent, address(name), o_path | o_nofollow | o_cloexec, 0);
  close(static_cast<int>(parent));
  return result;
}

// Opens every prefix of the path in turn and makes what is missing on its parent's descriptor.
long make_in_root(int root, const char* wanted, uint32_t mode, uint32_t flags, Make what) {
  long found = open_in_root(root, wanted, flags);
  if (found != -e_noent) return found;
  found = make_last(root, wanted, mode, flags, what);
  if (found >= 0) return found;

  PathBuffer path;
  path.append(wanted);
  if (path.too_long()) return -e_nametoolong;
  int links_left = link_limit;
  long parent = open_in_root(root, "/", flags);
  for (size_t at = 0;;) {
    while (path.text()[at] == '/') at++;
    if (!path.text()[at]) return parent;
    size_t end = at;
    while (path.text()[end] && path.text()[end] != '/') end++;
    const char cut = path.text()[end];
    bool is_last = true;
    for (size_t i = end; path.text()[i]; i++) is_last = is_last && path.text()[i] == '/';
    path.text()[end] = 0;

    found = open_in_root(root, path.text(), flags);
    if (found == -e_noent) {
      const char* name = path.text() + at;
      const long made =
          make(static_cast<int>(parent), name, is_last ? mode : 0755, is_last ? what : Make::directory);
      if (made == 0)
        found = open_in_root(root, path.text(), flags);
      else if (made == -e_exist && !(flags & plan::no_symlinks) && links_left-- > 0)
        found = follow(static_cast<int>(parent), path, at, end, cut);
      else
        found = made == -e_exist ? -e_loop : made;
      if (made == -e_exist && found == 0) {
        close(static_cast<int>(parent));
        parent = open_in_root(root, "/", flags);
        at = 0;
        continue;
      }
    }
    close(static_cast<int>(parent));
    if (found < 0) return found;
    parent = found;
    path.text()[end] = cut;
    at = end;
  }
}

}  // namespace

long open_in_root(int root, const char* path, uint32_t flags) {
  OpenHow how{.flags = static_cast<uint64_t>(o_path | o_cloexec),
              .mode = 0,
              .resolve = resolve_in_root | resolve_no_magiclinks};
  if (flags & plan::no_symlinks) how.resolve |= resolve_no_symlinks;
  // EAGAIN: `..` raced with a rename somewhere; openat2(2) asks to try again.
  for (int attempt = 0;; attempt++) {
    const long fd = open_how(root, path, how);
    if (fd != -e_intr && (fd != -e_again || attempt > 100)) return fd;
  }
}

long make_directory_in_root(int root, const char* path, uint32_t mode, uint32_t flags) {
  return make_in_root(root, path, mode, flags, Make::directory);
}

long make_file_in_root(int root, const char* path, uint32_t flags) {
  return make_in_root(root, path, 0644, flags, Make::file);
}

}  // namespace tare::init
