#include "sys/process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <linux/sched.h>
#include <memory>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/recorder_call.h"
#include "sys/file.h"

namespace tare::sys {
namespace {

constexpr std::size_t stack_size = 64 << 10;

std::span<char> command_line;

struct Unmap {
  void operator()(void* stack) const noexcept { ::munmap(stack, stack_size); }
};

// The child returns from the system call on another stack, so nothing of the C++ frame it was made in may be
// used: it goes straight into `child_main`.
long clone3_and_enter(clone_args* args, ChildMain child_main, void* argument) {
  long result;
#if defined(__x86_64__)
  register ChildMain entry __asm__("r12") = child_main;
  register void* passed __asm__("r13") = argument;
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
      : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(entry), "r"(passed)
      : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = reinterpret_cast<long>(args);
  register long x1 __asm__("x1") = sizeof *args;
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
      : "r"(x8), "r"(x1), "r"(entry), "r"(passed)
      : "memory", "x30");
  result = x0;
#else
#error "clone_child knows x86-64 and aarch64"
#endif
  return result;
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
  const long pid = clone3_and_enter(&args, child_main, argument);
  if (recorder::is_on())
    recorder::add_call(recorder::own_lane(),
                       {.kind = recorder::call_kind(SYS_clone3),
                        .arguments = {1, sizeof args},
                        .result = pid,
                        .begin = begin,
                        .end = recorder::now()},
                       recorder::own_memory());
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw system_error(static_cast<int>(-pid), "cannot make a process (clone3)");
  return {static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

void close_others(std::vector<Fd> kept) {
  std::ranges::sort(kept, [](Fd a, Fd b) { return a.number() < b.number(); });
  unsigned first = 3;
  for (const Fd fd : kept) {
    if (!fd.valid()) continue;
    const auto number = static_cast<unsigned>(fd.number());
    if (number < first) continue;
    if (number > first) ::close_range(first, number - 1, 0);
    first = number + 1;
  }
  ::close_range(first, ~0U, 0);
}

// The kernel puts the words one behind the other.
void remember_command_line(int count, char** words) noexcept {
  if (count < 1) return;
  const char* end = words[count - 1] + std::strlen(words[count - 1]) + 1;
  command_line = {words[0], static_cast<std::size_t>(end - words[0])};
}

void rename_process(std::string_view title, const char* name) noexcept {
  ::prctl(PR_SET_NAME, name);
  // A last byte that is not 0 would make the environment a part of it (proc_pid_cmdline(5)).
  std::ranges::fill(command_line, '\0');
  if (!command_line.empty())
    std::ranges::copy(title.substr(0, command_line.size() - 1), command_line.begin());
}

void fill_standard_streams() noexcept {
  // Programs that are started from here keep them, as they would any standard stream.
  int fd = ::open("/dev/null", O_RDWR);                   // NOLINT(android-cloexec-open)
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::dup(fd);  // NOLINT(android-cloexec-dup)
  if (fd >= 0) ::close(fd);
}

void keep_ended_children() noexcept { ::signal(SIGCHLD, SIG_DFL); }

void use_all_processors() noexcept {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  ::sched_setaffinity(0, sizeof all, &all);
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw system_error("cannot wait for a process");
  return status;
}

bool has_ended(Fd pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.number()), &info, WEXITED | WNOHANG | WNOWAIT) != 0)
    throw system_error("cannot ask about a process");
  return info.si_pid != 0;
}

std::optional<ProcessStatus> try_status_of(pid_t pid) {
  const std::string path = format("/proc/{}/stat", pid);
  const UniqueFd file = try_open_at(here, path, O_RDONLY);
  char buffer[1024];
  const ssize_t size = file ? ::read(file.number(), buffer, sizeof buffer) : -1;
  if (size < 0 && errno != ENOENT && errno != ESRCH) throw system_error(format("cannot read {}", path));
  const std::string_view text(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  // The second field is the program's name in brackets, in which anything may stand.
  const std::size_t begin = text.find('('), end = text.rfind(')');
  if (end == text.npos || end + 2 >= text.size() || begin >= end) return std::nullopt;
  ProcessStatus status{.name = std::string(text.substr(begin + 1, end - begin - 1)), .state = text[end + 2]};
  std::from_chars(text.data() + std::min(end + 4, text.size()), text.data() + text.size(), status.parent);
  std::size_t at = end;
  for (int field = 2; field < 22 && at != text.npos; field++) at = text.find(' ', at + 1);
  if (at == text.npos) return std::nullopt;
  const auto [stop, error] =
      std::from_chars(text.data() + at + 1, text.data() + text.size(), status.start_ticks);
  if (error != std::errc()) return std::nullopt;
  return status;
}

const std::string& boot_id() {
  static const std::string id = [] {
    std::string text = read_file(here, "/proc/sys/kernel/random/boot_id");
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }();
  return id;
}

std::optional<std::uint64_t> start_ticks(pid_t pid) {
  const auto status = try_status_of(pid);
  return status ? std::optional(status->start_ticks) : std::nullopt;
}

UniqueFd try_hold(pid_t pid, std::uint64_t ticks) {
  UniqueFd held(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
  // Only now is it known that the pid will not be given to another one while we look.
  if (!held || start_ticks(pid) != ticks) return {};
  return held;
}

UniqueFd hold_child(pid_t pid) {
  UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!held) throw system_error("cannot hold a process");
  return held;
}

bool wait_for_end(Fd pidfd, int milliseconds) {
  pollfd ended{pidfd.number(), POLLIN, 0};
  int ready;
  do ready = ::poll(&ended, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

void kill_process(Fd pidfd) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd.number(), SIGKILL, nullptr, 0);
}

}  // namespace tare::sys
