// The parent's side of a container's birth: clone, handshake, start.
#pragma once

#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// The other ends of the container's standard streams; unused where it has a terminal.
struct Streams {
  sys::Fd input{-1}, output{-1}, error{-1};
};

/// A container whose first process has carried out its plan and waits before the exec. Killed with this
/// object unless it was started.
class Container {
 public:
  /// Everything up to the last step. The program and the cgroup must outlive the Container; the caller is
  /// single-threaded. Throws what init reported, in words.
  static Container create(const plan::Program& program, const cgroup::Cgroup& cgroup, const Streams& streams);

  Container(Container&&) noexcept = default;
  Container& operator=(Container&&) = delete;
  ~Container();

  /// Lets it become the user's program; throws Error{no_command} or Error{not_executable} when that fails.
  void start();

  pid_t pid() const noexcept { return pid_; }
  sys::Fd pidfd() const noexcept { return pidfd_; }
  /// The terminal's controlling side, where the process has one.
  sys::UniqueFd take_console() noexcept { return std::move(console_); }
  /// Reaps it; blocks until it ended. The wait status as waitpid(2) gives it.
  int wait();

 private:
  Container() = default;
  void serve_until_ready();
  /// Reads one message; false at the end of the conversation.
  bool receive(plan::Message& message);
  [[noreturn]] void fail();
  [[noreturn]] void fail_silently();

  const plan::Program* program_ = nullptr;
  pid_t pid_ = 0;
  sys::UniqueFd pidfd_, sync_, list_, console_;
  bool reaped_ = false;
};

}  // namespace tare::runtime
