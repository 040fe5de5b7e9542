// The calls of the kernel that a trace shows: the linker gives us these in place of the C library's (`--wrap`
// of ld(1); CMakeLists.txt reads the names from here). Whoever needs one that is not here gets the C
// library's, unseen.
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/recorder_call.h"

namespace {

using namespace tare::recorder;

template <typename T>
std::uint64_t word(T value) noexcept {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<std::uint64_t>(value);
  else
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

template <typename Make, typename... Arguments>
auto recorded(std::string_view name, Make make, Arguments... arguments) {
  const std::int64_t begin = now();
  const auto result = make(arguments...);
  const std::int64_t end = now();
  const int error_number = errno;
  Call call{.kind = call_kind(name), .arguments = {word(arguments)...}, .begin = begin, .end = end};
  if constexpr (std::is_pointer_v<decltype(result)>)
    call.result = word(result) == ~std::uint64_t{0} ? -error_number : static_cast<std::int64_t>(word(result));
  else if (name == "posix_spawnp")
    call.result = -result;  // it gives its error back
  else
    call.result =
        result == static_cast<decltype(result)>(-1) ? -error_number : static_cast<std::int64_t>(result);
  add_call(own_lane(), call, own_memory());
  errno = error_number;
  return result;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's names
#define RECORDED(name, result, parameters, ...)                                                        \
  extern "C" result __real_##name parameters;                                                          \
  extern "C" result __wrap_##name parameters;                                                          \
  result __wrap_##name parameters {                                                                    \
    if (!is_on()) [[likely]]                                                                           \
      return __real_##name(__VA_ARGS__);                                                               \
    return recorded(#name,                                                                             \
                    [](auto... words) { return __real_##name(words...); } __VA_OPT__(, ) __VA_ARGS__); \
  }

RECORDED(accept4, int, (int a, sockaddr* b, socklen_t* c, int d), a, b, c, d)
RECORDED(bind, int, (int a, const sockaddr* b, socklen_t c), a, b, c)
RECORDED(chdir, int, (const char* a), a)
RECORDED(close, int, (int a), a)
RECORDED(close_range, int, (unsigned a, unsigned b, int c), a, b, c)
RECORDED(connect, int, (int a, const sockaddr* b, socklen_t c), a, b, c)
RECORDED(copy_file_range, ssize_t, (int a, off_t* b, int c, off_t* d, size_t e, unsigned f), a, b, c, d, e, f)
RECORDED(dup, int, (int a), a)
RECORDED(dup2, int, (int a, int b), a, b)
RECORDED(faccessat, int, (int a, const char* b, int c, int d), a, b, c, d)
RECORDED(fchdir, int, (int a), a)
RECORDED(fchmod, int, (int a, mode_t b), a, b)
RECORDED(fchmodat, int, (int a, const char* b, mode_t c, int d), a, b, c, d)
RECORDED(fchown, int, (int a, uid_t b, gid_t c), a, b, c)
RECORDED(fchownat, int, (int a, const char* b, uid_t c, gid_t d, int e), a, b, c, d, e)
RECORDED(fcntl, int, (int a, int b, long c), a, b, c)
RECORDED(flock, int, (int a, int b), a, b)
RECORDED(fstat, int, (int a, struct stat* b), a, b)
RECORDED(fstatat, int, (int a, const char* b, struct stat* c, int d), a, b, c, d)
RECORDED(fstatfs, int, (int a, struct statfs* b), a, b)
RECORDED(ftruncate, int, (int a, off_t b), a, b)
RECORDED(futimens, int, (int a, const timespec* b), a, b)
RECORDED(getdents64, ssize_t, (int a, void* b, size_t c), a, b, c)
RECORDED(getpid, pid_t, ())
RECORDED(getppid, pid_t, ())
RECORDED(getrandom, ssize_t, (void* a, size_t b, unsigned c), a, b, c)
RECORDED(ioctl, int, (int a, unsigned long b, void* c), a, b, c)
RECORDED(lgetxattr, ssize_t, (const char* a, const char* b, void* c, size_t d), a, b, c, d)
RECORDED(link, int, (const char* a, const char* b), a, b)
RECORDED(linkat, int, (int a, const char* b, int c, const char* d, int e), a, b, c, d, e)
RECORDED(listen, int, (int a, int b), a, b)
RECORDED(lseek, off_t, (int a, off_t b, int c), a, b, c)
RECORDED(lsetxattr, int, (const char* a, const char* b, const void* c, size_t d, int e), a, b, c, d, e)
RECORDED(memfd_create, int, (const char* a, unsigned b), a, b)
RECORDED(mkdir, int, (const char* a, mode_t b), a, b)
RECORDED(mkdirat, int, (int a, const char* b, mode_t c), a, b, c)
RECORDED(mknodat, int, (int a, const char* b, mode_t c, dev_t d), a, b, c, d)
RECORDED(mmap, void*, (void* a, size_t b, int c, int d, int e, off_t f), a, b, c, d, e, f)
RECORDED(munmap, int, (void* a, size_t b), a, b)
RECORDED(nanosleep, int, (const timespec* a, timespec* b), a, b)
RECORDED(open, int, (const char* a, int b, mode_t c), a, b, c)
RECORDED(openat, int, (int a, const char* b, int c, mode_t d), a, b, c, d)
RECORDED(personality, int, (unsigned long a), a)
RECORDED(pipe2, int, (int* a, int b), a, b)
RECORDED(poll, int, (pollfd * a, nfds_t b, int c), a, b, c)
RECORDED(posix_spawnp, int,
         (pid_t * a, const char* b, const posix_spawn_file_actions_t* c, const posix_spawnattr_t* d,
          char* const* e, char* const* f),
         a, b, c, d, e, f)
RECORDED(prctl, int, (int a, unsigned long b, unsigned long c, unsigned long d, unsigned long e), a, b, c, d,
         e)
RECORDED(pread, ssize_t, (int a, void* b, size_t c, off_t d), a, b, c, d)
RECORDED(prlimit, int, (pid_t a, int b, const rlimit* c, rlimit* d), a, b, c, d)
RECORDED(pwrite, ssize_t, (int a, const void* b, size_t c, off_t d), a, b, c, d)
RECORDED(read, ssize_t, (int a, void* b, size_t c), a, b, c)
RECORDED(readlinkat, ssize_t, (int a, const char* b, char* c, size_t d), a, b, c, d)
RECORDED(recv, ssize_t, (int a, void* b, size_t c, int d), a, b, c, d)
RECORDED(recvmsg, ssize_t, (int a, msghdr* b, int c), a, b, c)
RECORDED(rename, int, (const char* a, const char* b), a, b)
RECORDED(renameat, int, (int a, const char* b, int c, const char* d), a, b, c, d)
RECORDED(renameat2, int, (int a, const char* b, int c, const char* d, unsigned e), a, b, c, d, e)
RECORDED(rmdir, int, (const char* a), a)
RECORDED(sched_setaffinity, int, (pid_t a, size_t b, const cpu_set_t* c), a, b, c)
RECORDED(send, ssize_t, (int a, const void* b, size_t c, int d), a, b, c, d)
RECORDED(sendmsg, ssize_t, (int a, const msghdr* b, int c), a, b, c)
RECORDED(setsid, pid_t, ())
RECORDED(setsockopt, int, (int a, int b, int c, const void* d, socklen_t e), a, b, c, d, e)
RECORDED(sigaction, int, (int a, const struct sigaction* b, struct sigaction* c), a, b, c)
RECORDED(signalfd, int, (int a, const sigset_t* b, int c), a, b, c)
RECORDED(sigprocmask, int, (int a, const sigset_t* b, sigset_t* c), a, b, c)
RECORDED(socket, int, (int a, int b, int c), a, b, c)
RECORDED(socketpair, int, (int a, int b, int c, int* d), a, b, c, d)
RECORDED(statfs, int, (const char* a, struct statfs* b), a, b)
RECORDED(statx, int, (int a, const char* b, int c, unsigned d, struct statx* e), a, b, c, d, e)
RECORDED(symlinkat, int, (const char* a, int b, const char* c), a, b, c)
RECORDED(umask, mode_t, (mode_t a), a)
RECORDED(uname, int, (utsname * a), a)
RECORDED(unlink, int, (const char* a), a)
RECORDED(unlinkat, int, (int a, const char* b, int c), a, b, c)
RECORDED(utimensat, int, (int a, const char* b, const timespec* c, int d), a, b, c, d)
RECORDED(waitid, int, (int a, id_t b, siginfo_t* c, int d), a, b, c, d)
RECORDED(waitpid, pid_t, (pid_t a, int* b, int c), a, b, c)
RECORDED(write, ssize_t, (int a, const void* b, size_t c), a, b, c)
#undef RECORDED

// These come back twice: what is recorded is the parent's. RECORDED(fork), RECORDED(syscall)
extern "C" pid_t __real_fork();
extern "C" pid_t __wrap_fork();
pid_t __wrap_fork() {
  const std::int64_t begin = is_on() ? now() : 0;
  const pid_t pid = __real_fork();
  if (is_on() && pid != 0)
    add_call(own_lane(),
             {.kind = call_kind("fork"), .result = pid < 0 ? -errno : pid, .begin = begin, .end = now()},
             own_memory());
  return pid;
}

extern "C" long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
extern "C" long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  if (!is_on()) [[likely]]
    return __real_syscall(number, a, b, c, d, e, f);
  const std::int64_t begin = now();
  const long result = __real_syscall(number, a, b, c, d, e, f);
  if (result == 0 && (number == SYS_clone3 || number == SYS_clone)) return result;
  const int error_number = errno;
  add_call(own_lane(),
           {.kind = call_kind(number),
            .number = number,
            .arguments = {word(a), word(b), word(c), word(d), word(e), word(f)},
            .result = result == -1 ? -error_number : result,
            .begin = begin,
            .end = now()},
           own_memory());
  errno = error_number;
  return result;
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
