// Where a network namespace is listened to.
#pragma once

#include <string_view>
#include <vector>

#include "explain/container.h"
#include "sys/unique_fd.h"

namespace tare::explain {

/// In the network namespace of the process, whose directory of /proc this is.
std::vector<Port> read_ports(sys::Fd process);

/// The texts of /proc/PID/net/tcp, tcp6, udp, udp6: what listens, or, without connections, is bound (pure).
std::vector<Port> parse_inet_sockets(std::string_view text, std::string_view protocol);
/// The text of /proc/PID/net/unix: what listens and has a name (pure).
std::vector<Port> parse_unix_sockets(std::string_view text);

}  // namespace tare::explain
