#include "init/kernel.h"

#include "init/fdinfo.h"
#include "init/syscalls.h"
#include "init/text.h"
#include "sys/missing_call.h"
#include "sys/walk_in_root.h"

namespace tare::init {
namespace {

using sys::is_missing;

// The highest descriptor when the list began; those made later take the lowest numbers that are free.
int last_descriptor = 1023;

struct DirectoryEntry {
  uint64_t inode, offset;
  uint16_t size;
  uint8_t kind;
  char name[1];
};

long close_on_exec_one_by_one(int first) {
  const long list = call(__NR_openat, at_fdcwd, address("/proc/self/fd"), o_directory | o_cloexec, 0);
  if (list < 0) return list;
  alignas(DirectoryEntry) char buffer[4096] = {};
  long size = 0, highest = 0;
  while ((size = call(__NR_getdents64, list, address(buffer), sizeof buffer)) > 0) {
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      const long number = static_cast<long>(number_in(entry->name));
      if (number >= first) call(__NR_fcntl, number, f_setfd, fd_cloexec);
      highest = number > highest ? number : highest;
      at += entry->size;
    }
  }
  close(static_cast<int>(list));
  last_descriptor = static_cast<int>(highest) + 1024;
  return size;
}

// The directory in the host's procfs of the process that a pidfd means: as long as that one says afterwards
// that it means this number, it is no other's.
long open_process(int pidfd) {
  const uint64_t pid = read_fdinfo(pidfd, "Pid:\t");
  PathBuffer path;
  path.append("/proc/");
  path.append_number(static_cast<int>(pid));
  const long directory = call(__NR_openat, at_fdcwd, address(path.text()), o_directory | o_cloexec, 0);
  if (directory < 0 || (pid != 0 && read_fdinfo(pidfd, "Pid:\t") == pid)) return directory;
  close(static_cast<int>(directory));
  return -e_srch;
}

// Of a process that is held by its directory; all are opened before the first one is joined, which may take
// the right to. The user namespace comes first: it gives the right to the others.
long join_by_directory(int process, uint64_t namespaces) {
  constexpr struct {
    uint64_t flag;
    const char* file;
  } kinds[] = {{0x10000000, "ns/user"}, {0x08000000, "ns/ipc"}, {0x04000000, "ns/uts"},
               {0x40000000, "ns/net"},  {0x20000000, "ns/pid"}, {0x02000000, "ns/cgroup"},
               {0x00000080, "ns/time"}, {0x00020000, "ns/mnt"}};
  constexpr int count = sizeof kinds / sizeof *kinds;
  long files[count], result = 0;
  for (int i = 0; i < count; i++) {
    files[i] = namespaces & kinds[i].flag ? call(__NR_openat, process, address(kinds[i].file), o_cloexec, 0)
                                          : -e_noent;
    if ((namespaces & kinds[i].flag) && files[i] < 0 && result == 0) result = files[i];
  }
  for (int i = 0; i < count; i++) {
    if (result == 0 && files[i] >= 0) result = call(__NR_setns, files[i], static_cast<long>(kinds[i].flag));
    if (files[i] >= 0) close(static_cast<int>(files[i]));
  }
  return result;
}

}  // namespace

long open_how(int directory, const char* path, const OpenHow& how) {
  const long fd = call(__NR_openat2, directory, address(path), address(&how), sizeof how);
  if (fd >= 0 || !is_missing(-fd)) return fd;
  const auto make_call = [](long number, long a, long b, long c, long d, long e) {
    return call(number, a, b, c, d, e);
  };
  return sys::WalkInRoot(make_call, directory, how.flags, how.mode, how.resolve).open(path);
}

long close_on_exec_from(int first) {
  // The flag is younger than the call (EINVAL).
  const long result = call(__NR_close_range, first, ~0u, close_range_cloexec);
  return result == 0 ? 0 : close_on_exec_one_by_one(first);
}

long close_range(int first, int last) {
  const long result = call(__NR_close_range, first, static_cast<unsigned>(last), 0);
  if (result == 0 || !is_missing(-result)) return result;
  // What could be higher was marked before, and ends with the exec.
  for (int fd = first; fd <= last_descriptor && static_cast<unsigned>(fd) <= static_cast<unsigned>(last);
       fd++)
    close(fd);
  return 0;
}

long clone_sibling(int cgroup) {
  CloneArguments arguments{};
  arguments.flags = clone_parent;
  if (cgroup >= 0) {
    arguments.flags |= clone_into_cgroup;
    arguments.cgroup = static_cast<uint64_t>(cgroup);
  }
  const long child = call(__NR_clone3, address(&arguments), sizeof arguments);
  if (cgroup >= 0 || child >= 0 || !is_missing(-child)) return child;
  return call(__NR_clone, static_cast<long>(clone_parent), 0, 0, 0, 0);
}

long move_into(int cgroup) {
  const long file = call(__NR_openat, cgroup, address("cgroup.procs"), o_wronly | o_cloexec, 0);
  if (file < 0) return file;
  const long written = call(__NR_write, file, address("0"), 1);
  close(static_cast<int>(file));
  return written < 0 ? written : 0;
}

long join(int fd, uint64_t namespaces) {
  long result = call(__NR_setns, fd, static_cast<long>(namespaces));
  if (result != -e_inval) return result;
  // Neither a namespace of this kind nor a pidfd, or a pidfd before 5.8.
  const long by_directory = join_by_directory(fd, namespaces);
  if (by_directory != -e_notdir) return by_directory;
  if (read_fdinfo(fd, "Pid:\t") == 0) return result;
  const long process = open_process(fd);
  if (process < 0) return process;
  result = join_by_directory(static_cast<int>(process), namespaces);
  close(static_cast<int>(process));
  return result;
}

long may_execute(const char* path) {
  const long result = call(__NR_faccessat2, at_fdcwd, address(path), access_execute, at_eaccess);
  return result < 0 && is_missing(-result) ? call(__NR_faccessat, at_fdcwd, address(path), access_execute)
                                           : result;
}

}  // namespace tare::init
