#include <cerrno>
#include <linux/sched.h>
#include <memory>
#include <signal.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/recorder_call.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/process.h"

namespace tare::sys {
namespace {

constexpr std::size_t stack_size = 64 << 10;

struct Unmap {
  void operator()(void* stack) const noexcept {
#if defined(__SANITIZE_ADDRESS__)
    // The sanitizer's marks around the child's frames would stay, and be whosever these addresses are next.
    __asan_unpoison_memory_region(stack, stack_size);
#endif
    ::munmap(stack, stack_size);
  }
};

// The child returns from the system call on another stack, so nothing of the C++ frame it was made in may be
// used: it goes straight into `child_main`.
long clone_and_enter(long number, long a, long b, long c, ChildMain child_main, void* argument) {
  long result;
#if defined(__x86_64__)
  register ChildMain entry __asm__("r12") = child_main;
  register void* passed __asm__("r13") = argument;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(entry), "r"(passed)
      : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = 0;
  register long x4 __asm__("x4") = 0;
  register ChildMain entry __asm__("x9") = child_main;
  register void* passed __asm__("x10") = argument;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, x10\n\t"
      "blr x9\n\t"
      "brk #1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(entry), "r"(passed)
      : "memory", "x30");
  result = x0;
#else
#error "clone_child knows x86-64 and aarch64"
#endif
  return result;
}

// A child that clone(2) could not have born in its cgroup goes there first.
struct Move {
  int processes;  ///< cgroup.procs
  ChildMain child_main;
  void* argument;
  int error_number;
};

[[noreturn]] void move_and_enter(void* argument) {
  auto* move = static_cast<Move*>(argument);
  if (::syscall(SYS_write, move->processes, "0", 1) < 0)
    move->error_number = errno;
  else
    move->child_main(move->argument);
  for (;;) ::syscall(SYS_exit_group, 254);
}

// clone(2): the lowest byte of its flags is the signal, so it knows no time namespaces. A negative errno
// where it fails.
long clone_the_older_way(const clone_args& args, Fd into_cgroup, ChildMain child_main, void* argument) {
  const std::uint64_t flags = args.flags & ~std::uint64_t{CLONE_INTO_CGROUP};
  if (flags & CSIGNAL) return -ENOSYS;
  Move move{-1, child_main, argument, 0};
  const bool moves = into_cgroup.valid();
  const UniqueFd processes = moves ? try_open_at(into_cgroup, "cgroup.procs", O_WRONLY) : UniqueFd();
  if (moves && !processes) return -errno;
  move.processes = processes.number();
  const long pid = clone_and_enter(
      SYS_clone, static_cast<long>(flags | args.exit_signal), static_cast<long>(args.stack + args.stack_size),
      static_cast<long>(args.pidfd), moves ? move_and_enter : child_main, moves ? &move : argument);
  if (pid < 0 || move.error_number == 0) return pid;
  ::close(*reinterpret_cast<int*>(args.pidfd));  // NOLINT(performance-no-int-to-ptr): the kernel wants it so
  reap(static_cast<pid_t>(pid));
  return -move.error_number;
}

}  // namespace

Child clone_child(std::uint64_t flags, Fd into_cgroup, ChildMain child_main, void* argument) {
  void* stack =
      ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) throw system_error("cannot make a stack");
  const std::unique_ptr<void, Unmap> owner(stack);

  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  args.exit_signal = SIGCHLD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.stack = reinterpret_cast<std::uint64_t>(stack);
  args.stack_size = stack_size;
  if (into_cgroup.valid()) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(into_cgroup.number());
  }
  // A signal handler must not run in the child: it would run in our memory.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const std::int64_t begin = recorder::is_on() ? recorder::now() : 0;
  long pid = clone_and_enter(SYS_clone3, reinterpret_cast<long>(&args), sizeof args, 0, child_main, argument);
  if (recorder::is_on())
    recorder::add_call(recorder::own_lane(),
                       {.kind = recorder::call_kind(SYS_clone3),
                        .arguments = {1, sizeof args},
                        .result = pid,
                        .begin = begin,
                        .end = recorder::now()},
                       recorder::own_memory());
  if (pid < 0 && is_missing(-pid)) pid = clone_the_older_way(args, into_cgroup, child_main, argument);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw system_error(static_cast<int>(-pid), "cannot make a process (clone3)");
  return {static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

}  // namespace tare::sys
