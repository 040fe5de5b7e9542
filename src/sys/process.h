// Processes: clone3 with a stack of the child's own, pidfds, waiting.
//
// A process is held by a pidfd; where pidfd_open(2) is missing, one that is not born here by its directory in
// procfs, which means that one process as well and which pidfd_send_signal(2) takes (but nothing else does).
#pragma once

#include <cstdint>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::sys {

struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
};

/// What the new process does: raw system calls only, no allocation, no return (it shares the caller's memory
/// and the caller sleeps until it executes or exits).
using ChildMain = void (*)(void* argument);

/// clone3(2) with CLONE_VM | CLONE_VFORK and `flags` (CLONE_NEW…). `into_cgroup`: a cgroup v2 directory, or
/// invalid. The caller is single-threaded. Throws what the kernel says. Where clone3 is missing: clone(2),
/// and the child moves itself into the cgroup.
Child clone_child(std::uint64_t flags, Fd into_cgroup, ChildMain child_main, void* argument);

/// Closes every descriptor from 3 on but these: what the caller's caller left open is none of ours.
void close_others(std::vector<Fd> kept);

/// To be called first: what the caller left open gets into no program that is executed from here
/// (CVE-2024-21626).
void close_inherited_on_exec();

/// To be called first, with main's own: where the words of this process's command line lie.
void remember_command_line(int count, char** words) noexcept;
/// Writes `title` over the command line that everybody can read in /proc, as far as there is room, and makes
/// `name` (15 bytes) the process's name.
void rename_process(std::string_view title, const char* name) noexcept;

/// To be called first: a program started with closed standard streams must not take its own files for them.
void fill_standard_streams() noexcept;

/// To be called first: where the caller ignores SIGCHLD, and so we do, children vanish without a status
/// (wait(2)).
void keep_ended_children() noexcept;

/// Takes back a choice of processors that was made for the caller (taskset(1)), or for `pid`: its children
/// get all that their cpuset has.
void use_all_processors(pid_t pid = 0) noexcept;
/// Processor n where bit n % 8 of byte n / 8 is set; 0 is the caller. False, with errno:
/// sched_setaffinity(2).
bool try_use_processors(pid_t pid, std::span<const std::uint8_t> mask) noexcept;

/// Waits for the child and reaps it; the wait status as waitpid(2) gives it.
int reap(pid_t pid);

/// Without reaping: has it ended?
bool has_ended(Fd process);

/// What the kernel says of a process (proc_pid_stat(5)).
struct ProcessStatus {
  std::string name;
  char state = 0;  ///< Z: it has ended and was not reaped
  pid_t parent = 0;
  int threads = 0;
  std::uint64_t start_ticks = 0;
};
/// nullopt when there is no such process.
std::optional<ProcessStatus> try_status_of(pid_t pid);

/// Another one after each boot: pids and times since boot then mean other processes.
const std::string& boot_id();

/// When the process began, in the kernel's ticks since boot (proc_pid_stat(5), field 22): with it a pid means
/// one process for good. nullopt when there is no such process.
std::optional<std::uint64_t> start_ticks(pid_t pid);
/// Holds whatever process has this pid now; invalid with errno set when there is none.
UniqueFd try_open_process(pid_t pid) noexcept;
/// Whether pidfd_open(2) has been found missing. Sockets may then give pidfds of who writes (SO_PASSPIDFD).
bool must_be_given_pidfds() noexcept;
/// Holds the process with this pid that began then; invalid when that one is gone.
UniqueFd try_hold(pid_t pid, std::uint64_t ticks);
/// Holds a child that was not reaped yet.
UniqueFd hold_child(pid_t pid);
/// False when it has not ended after so many milliseconds; negative: however long it takes.
bool wait_for_end(Fd process, int milliseconds);

/// For loops around poll(2): when a held process has ended. A directory in procfs is known by its being
/// writable at once, which a pidfd never is; from then on the loop asks it from time to time.
class EndOfProcess {
 public:
  explicit EndOfProcess(Fd process) noexcept : process_(process) {}
  pollfd wish() const noexcept { return {is_directory_ ? -1 : process_.number(), POLLIN | POLLOUT, 0}; }
  /// How long such a poll may wait that was to wait so many milliseconds (negative: for ever).
  int patience(int milliseconds) const noexcept {
    return is_directory_ && (milliseconds < 0 || milliseconds > pause) ? pause : milliseconds;
  }
  /// `events`: what the poll said of the wish.
  bool is_there(short events);

 private:
  static constexpr int pause = 20;
  Fd process_;
  bool is_directory_ = false;
};

/// Ends it, whatever it is doing; no error when it is gone.
void kill_process(Fd process) noexcept;

}  // namespace tare::sys
