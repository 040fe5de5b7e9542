#include "monitor/launch.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "monitor/monitor.h"

namespace tare::monitor {

Launched launch(const Order& order, state::Lock& lock) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("cannot make a socket pair");
  sys::UniqueFd ours(ends[0]), theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot make the monitor process");
  if (pid == 0) {
    ours.reset();
    int code = 0;
    try {
      run_monitor(order, lock, std::move(theirs));
    } catch (const std::exception&) {
      code = 1;  // its end of the socket closes: the client and the next command see that it is gone
    }
    ::_exit(code);
  }
  return {std::move(ours), pid};
}

}  // namespace tare::monitor
