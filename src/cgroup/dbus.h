// A connection to a program that speaks D-Bus on a Unix socket (D-Bus Specification, "Authentication
// Protocol", "Server Addresses"): systemd itself, or a message bus.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "cgroup/dbus_message.h"
#include "sys/unique_fd.h"

namespace tare::cgroup {

/// Who is at the other end. A message bus answers nobody before it has been greeted.
enum class Peer { program, message_bus };

class DBusConnection {
 public:
  using Clock = std::chrono::steady_clock;

  /// `addresses`: "unix:path=/run/systemd/private", "unix:abstract=…", or several of them with ; in between,
  /// of which the first that somebody listens at is taken. Says who we are, and waits for no answer. The
  /// error is the errno of the last address, EAGAIN where its queue stayed full until the deadline.
  static std::expected<DBusConnection, int> try_open(std::string_view addresses, Peer peer,
                                                     Clock::time_point deadline);

  /// Returns the call's serial. It is on its way when try_receive has been asked for something.
  std::uint32_t send(const MethodCall& call);
  /// The next message, whatever it is; nullopt when there is none until the deadline. Throws Error{system}
  /// when the other end lets nobody in, is gone, or does not speak D-Bus.
  std::optional<Message> try_receive(Clock::time_point deadline);

 private:
  explicit DBusConnection(sys::UniqueFd socket) noexcept : socket_(std::move(socket)) {}
  std::optional<Message> take_received();
  bool take_welcome();
  void write_waiting();
  bool wait(Clock::time_point deadline) const;
  void read_more();

  sys::UniqueFd socket_;
  bool is_let_in_ = false;
  std::string received_, unsent_;
  std::uint32_t last_serial_ = 0, greeting_ = 0;  ///< 0: a program is not greeted
};

}  // namespace tare::cgroup
