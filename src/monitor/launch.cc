#include "monitor/launch.h"

#include <functional>
#include <unistd.h>

#include "base/error.h"
#include "monitor/monitor.h"
#include "sys/process.h"
#include "sys/socket.h"

namespace tare::monitor {
namespace {

using Kind = recorder::Event::Kind;

void end_operation() {
  if (recorder::is_on())
    recorder::add({.kind = Kind::end, .lane = recorder::Lane::monitor, .at = recorder::now()});
}

// Only the one who waits for it sees that it is over.
void note_end_begins() {
  if (recorder::is_on())
    recorder::add({.kind = Kind::begin,
                   .lane = recorder::Lane::monitor,
                   .at = recorder::now(),
                   .text = "end: the kernel takes its memory back"});
}

Launched fork_monitor(const OwnCgroup& cgroup, const std::function<void(sys::UniqueFd client)>& live) {
  const recorder::Span span("make the monitor's process");
  sys::SocketPair ends = sys::make_socket_pair();
  const pid_t pid = cgroup.fork();
  if (pid < 0) throw system_error("cannot make the monitor process");
  if (pid == 0) {
    ends.one.reset();
    end_operation();  // its birth
    int code = 0;
    try {
      live(std::move(ends.other));
    } catch (const std::exception&) {
      code = 1;  // its end of the socket closes: the client and the next command see that it is gone
    }
    cgroup.leave_removal();
    note_end_begins();
    ::_exit(code);
  }
  return {std::move(ends.one), pid, cgroup};
}

}  // namespace

void Launched::await_end() const {
  {
    const recorder::Span span("wait for the monitor's end", "", recorder::Span::Kind::wait);
    (void)sys::reap(monitor);
  }
  end_operation();
  cgroup.remove();
}

Launched launch(const Order& order, state::Lock& lock) {
  const OwnCgroup cgroup(order.cgroups, order.record.id);
  return fork_monitor(cgroup, [&](sys::UniqueFd client) { run_monitor(order, lock, std::move(client)); });
}

Launched launch(const ExecOrder& order) {
  const OwnCgroup cgroup(order.cgroups, order.id);
  return fork_monitor(cgroup, [&](sys::UniqueFd client) { run_exec_monitor(order, std::move(client)); });
}

}  // namespace tare::monitor
