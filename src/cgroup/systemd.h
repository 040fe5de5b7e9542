// A connection to systemd: units started, changed and stopped (org.freedesktop.systemd1(5)).
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cgroup/unit.h"
#include "cgroup/unit_properties.h"

namespace tare::cgroup {

/// Where a systemd listens. Its own socket comes first: there are neither a greeting nor a subscription, and
/// no other program passes the messages on.
struct SystemdAddress {
  std::string own;  ///< "/run/systemd/private"
  std::string bus;  ///< the message bus's socket, where only that is to be had
};
SystemdAddress address_of(Manager manager);
/// Whether its socket, or that of its message bus, is there.
bool is_there(Manager manager);
/// That of the user who asks.
Manager own_manager();

class Systemd {
 public:
  /// How long systemd may take for whatever is asked of it, connecting included.
  static constexpr std::chrono::milliseconds patience{30'000};

  /// Throws Error{unsupported} where there is no systemd.
  static Systemd connect(const SystemdAddress& address,
                         std::chrono::milliseconds patience = Systemd::patience);

  Systemd(Systemd&&) noexcept;
  Systemd& operator=(Systemd&&) = delete;
  ~Systemd();

  /// Starts a transient unit, and returns when it runs. One of that name that has failed or is about to be
  /// gone makes way. Throws Error{conflict} when there is such a unit, Error{system} when systemd says no, or
  /// nothing in time.
  void start(const std::string& unit, std::span<const Property> properties);
  /// Returns when it has stopped. No error when there is no such unit.
  void stop(const std::string& unit);
  /// Changes a unit until the next boot, as `systemctl set-property --runtime` does.
  void set_properties(const std::string& unit, std::span<const Property> properties);

 private:
  class Connection;
  explicit Systemd(std::unique_ptr<Connection> connection);
  bool try_start(const std::string& unit, std::span<const Property> properties);

  std::unique_ptr<Connection> connection_;
};

/// What `update` does about a container's unit: tells systemd its new limits (plan_limits's list), which are
/// written into the cgroup as well. Does nothing where there is no property for any of them.
void update_unit(const SystemdAddress& address, const std::string& unit, std::span<const Write> limits);

}  // namespace tare::cgroup
