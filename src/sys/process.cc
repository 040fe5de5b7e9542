#include "sys/process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <span>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/missing_call.h"

namespace tare::sys {
namespace {

std::span<char> command_line;
constinit bool pidfd_open_is_missing = false;

int number_in(std::string_view name) {
  int number = -1;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

// What close_range(2) does, where it is missing.
template <typename Act>
void for_each_descriptor_from(int first, Act act) {
  const UniqueFd list = open_at(here, "/proc/self/fd", O_RDONLY | O_DIRECTORY);
  for (const auto& entry : read_entries(list))
    if (const int number = number_in(entry.name); number >= first && number != list.number()) act(number);
}

}  // namespace

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
  if (::close_range(first, ~0U, 0) == 0) return;
  for_each_descriptor_from(3, [&](int number) {
    if (!std::ranges::binary_search(kept, number, {}, [](Fd fd) { return fd.number(); })) ::close(number);
  });
}

void close_inherited_on_exec() {
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;  // which 5.9 and 5.10 refuse with EINVAL
  for_each_descriptor_from(3, [](int number) { ::fcntl(number, F_SETFD, FD_CLOEXEC); });
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
  pollfd streams[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
  const bool all_open = ::poll(streams, 3, 0) >= 0 && std::ranges::none_of(streams, [](const pollfd& one) {
                          return one.revents & POLLNVAL;
                        });
  if (all_open) return;
  // Programs that are started from here keep them, as they would any standard stream.
  int fd = ::open("/dev/null", O_RDWR);                   // NOLINT(android-cloexec-open)
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::dup(fd);  // NOLINT(android-cloexec-dup)
  if (fd >= 0) ::close(fd);
}

void keep_ended_children() noexcept { ::signal(SIGCHLD, SIG_DFL); }

void use_all_processors(pid_t pid) noexcept {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  ::sched_setaffinity(pid, sizeof all, &all);
}

bool try_use_processors(pid_t pid, std::span<const std::uint8_t> mask) noexcept {
  return ::sched_setaffinity(pid, mask.size(), reinterpret_cast<const cpu_set_t*>(mask.data())) == 0;
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw system_error("cannot wait for a process");
  return status;
}

namespace {

// The text of proc_pid_stat(5); nullopt: no process any more, or none that can be read about.
std::optional<ProcessStatus> try_read_status(Fd directory, const std::string& path) {
  const UniqueFd file = try_open_at(directory, path, O_RDONLY);
  char buffer[1024];
  const ssize_t size = file ? ::read(file.number(), buffer, sizeof buffer) : -1;
  if (size < 0 && is_breakdown(errno)) throw system_error(format("cannot read {}", path));
  const std::string_view text(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  // The second field is the program's name in brackets, in which anything may stand.
  const std::size_t begin = text.find('('), end = text.rfind(')');
  if (end == text.npos || end + 2 >= text.size() || begin >= end) return std::nullopt;
  ProcessStatus status{.name = std::string(text.substr(begin + 1, end - begin - 1)), .state = text[end + 2]};
  std::size_t at = end + 1;
  const auto read = [&](auto& field, int steps) {
    for (; steps > 0 && at != text.npos; steps--) at = text.find(' ', at + 1);
    return at != text.npos &&
           std::from_chars(text.data() + at + 1, text.data() + text.size(), field).ec == std::errc();
  };
  const bool is_whole = read(status.parent, 1) && read(status.threads, 16) && read(status.start_ticks, 2);
  return is_whole ? std::optional(std::move(status)) : std::nullopt;
}

// Another thread may outlive the first one, which is a zombie as long.
bool is_over(Fd directory) {
  const auto status = try_read_status(directory, "stat");
  return !status || (status->threads <= 1 && (status->state == 'Z' || status->state == 'X'));
}

}  // namespace

bool has_ended(Fd process) { return wait_for_end(process, 0); }

std::optional<ProcessStatus> try_status_of(pid_t pid) {
  return try_read_status(here, format("/proc/{}/stat", pid));
}

const std::string& boot_id() {
  static const std::string id = [] {
    std::string text = try_read_at_once(here, "/proc/sys/kernel/random/boot_id").value_or("");
    if (text.empty()) throw system_error("cannot find out which boot this is");
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }();
  return id;
}

std::optional<std::uint64_t> start_ticks(pid_t pid) {
  const auto status = try_status_of(pid);
  return status ? std::optional(status->start_ticks) : std::nullopt;
}

UniqueFd try_open_process(pid_t pid) noexcept {
  if (pid <= 0) return {};
  UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (held || !is_missing(errno)) return held;
  pidfd_open_is_missing = true;
  return try_open_at(here, format("/proc/{}", pid), O_RDONLY | O_DIRECTORY);
}

bool must_be_given_pidfds() noexcept { return pidfd_open_is_missing; }

UniqueFd try_hold(pid_t pid, std::uint64_t ticks) {
  UniqueFd held = try_open_process(pid);
  // Only now is it known that the pid will not be given to another one while we look.
  if (!held || start_ticks(pid) != ticks) return {};
  return held;
}

UniqueFd hold_child(pid_t pid) {
  UniqueFd held = try_open_process(pid);
  if (!held) throw system_error("cannot hold a process");
  return held;
}

bool EndOfProcess::is_there(short events) {
  if (events & POLLOUT) is_directory_ = true;
  return is_directory_ ? is_over(process_) : events != 0;
}

bool wait_for_end(Fd process, int milliseconds) {
  EndOfProcess end(process);
  for (int left = milliseconds;;) {
    pollfd wish = end.wish();
    const int patience = end.patience(left);
    int ready;
    do ready = ::poll(&wish, 1, patience);
    while (ready < 0 && errno == EINTR);
    if (end.is_there(wish.revents)) return true;
    if (wish.revents || milliseconds < 0) continue;
    left -= patience;
    if (left <= 0) return false;
  }
}

void kill_process(Fd process) noexcept {
  ::syscall(SYS_pidfd_send_signal, process.number(), SIGKILL, nullptr, 0);
}

}  // namespace tare::sys
