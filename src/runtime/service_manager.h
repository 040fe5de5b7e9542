// What a service manager gives to a service, and the runtime passes on to the container: sockets that it
// listens on already (sd_listen_fds(3)) and a socket to say on that it is ready (sd_notify(3)).
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// The number of descriptors from 3 on that were given to this very process (LISTEN_PID); its variables in
/// `process` then say so to the container's, which is number 1 there. 0: none. Throws Error{invalid}.
int take_listening_sockets(oci::Process& process);

/// The socket on which the container says that it is ready. It is shown to the container at /run/notify, and
/// nobody but the runtime reads it.
class NotifySocket {
 public:
  /// Whether a service manager wants to know (NOTIFY_SOCKET).
  static bool is_wanted();
  /// Makes the socket's directory in the container's state directory, which is at `path`.
  static void make_directory(sys::Fd state_directory);
  static bool is_there(sys::Fd state_directory);
  /// Shows the directory to the container.
  static void add_to(oci::RuntimeConfig& config, const HostPath& path);

  /// Before the program is started. nullopt where it is not wanted, or was not when the container was made.
  static std::optional<NotifySocket> open(sys::Fd state_directory);
  sys::Fd fd() const noexcept { return socket_; }

  /// Reads what is there. True when the container said that it is ready: the service manager knows it now,
  /// and that `pid` is the one to watch.
  bool pass_on(pid_t pid);
  /// Until then, or until the process has ended; and until the service manager has heard of it, at most
  /// thirty seconds (sd_notify_barrier(3)).
  void wait_until_ready(pid_t pid, sys::Fd process);

 private:
  explicit NotifySocket(sys::Fd directory);

  sys::UniqueFd socket_, manager_;
};

}  // namespace tare::runtime
