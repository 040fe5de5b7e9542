// The parent's side of a container's birth: clone, handshake, start.
#pragma once

#include <functional>
#include <memory>
#include <sys/types.h>
#include <vector>

#include "cgroup/cgroup.h"
#include "plan/program.h"
#include "runtime/init_trace.h"
#include "runtime/slots.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// A container whose first process has carried out its plan and waits before the exec. Killed with this
/// object unless it is let go.
class Container {
 public:
  /// What is done while init waits at Sync::mounted; what it throws ends it all.
  using WhenMounted = std::function<void(const Container&)>;
  /// What is done with the descriptor of a filter that asks somebody (seccomp_unotify(2)), as soon as there
  /// is one; the process may wait for the answer to any call. What it throws ends it all.
  using WhenFiltered = std::function<void(const Container&, sys::UniqueFd listener)>;
  /// Everything up to the last step. The program and the cgroup must outlive the Container; the caller is
  /// single-threaded. Throws what init reported, in words.
  static Container create(const plan::Program& program, const cgroup::Cgroup& cgroup, const Streams& streams,
                          const WhenMounted& when_mounted = {}, WhenFiltered when_filtered = {});

  /// A child of this process that is one already.
  static Container adopt(pid_t pid, sys::UniqueFd pidfd) {
    Container container;
    container.pid_ = pid;
    container.pidfd_ = std::move(pidfd);
    return container;
  }

  Container(Container&&) noexcept = default;
  Container& operator=(Container&&) = delete;
  ~Container();

  /// Lets it become the user's program; throws Error{no_command} or Error{not_executable} when that fails.
  void start();

  /// Of a plan with a start gate, in place of start(): lets it wait there for somebody else, who may come
  /// long after this process has ended.
  void leave_at_gate();
  /// It is no longer killed with this object.
  void let_go() noexcept { let_go_ = true; }

  pid_t pid() const noexcept { return pid_; }
  sys::Fd pidfd() const noexcept { return pidfd_; }
  /// By recorder::now(), when init was done with its list; of a run that is recorded.
  std::int64_t told_at() const noexcept { return told_at_; }
  /// The terminal's controlling side, where the process has one.
  sys::UniqueFd take_console() noexcept { return std::move(console_); }
  /// Reaps it; blocks until it ended. The wait status as waitpid(2) gives it.
  int wait();

 private:
  Container() = default;
  void serve_until_ready(const std::vector<int>& slots, const WhenMounted& when_mounted);
  void map_ids(const std::vector<int>& slots);
  /// Until it has one to pass on, or something to read.
  void watch_for_listener();
  /// Until there is something to read. Throws where a question of the filter is taken by nobody.
  void watch_listener() const;
  void proceed();
  /// Reads one message; false at the end of the conversation.
  bool receive(plan::Message& message);
  void follow_fork();
  void add_to_trace();
  [[noreturn]] void fail();
  [[noreturn]] void fail_silently();
  [[noreturn]] void refuse_nonsense();

  const plan::Program* program_ = nullptr;
  std::unique_ptr<plan::Program> changed_;  ///< for an older kernel
  pid_t pid_ = 0;
  sys::UniqueFd pidfd_, sync_, list_, console_;
  InitTrace trace_;
  std::int64_t told_at_ = 0;
  pid_t sender_ = 0;            ///< of the last message
  sys::UniqueFd sender_pidfd_;  ///< of the same, where the socket gives it
  WhenFiltered when_filtered_;
  int forks_ahead_ = 0;     ///< siblings that init is still to go on as
  sys::UniqueFd listener_;  ///< a copy of what was passed on, to see whether anybody takes the questions
  std::int32_t listener_slot_ = plan::no_slot;  ///< of a listener that was not passed on yet
  bool reaped_ = false, let_go_ = false;
};

}  // namespace tare::runtime
