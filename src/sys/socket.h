// Unix sockets: those that keep packets whole (SOCK_SEQPACKET), found by a name in a directory; descriptors
// through any of them.
#pragma once

#include <string>
#include <string_view>

#include "sys/unique_fd.h"

namespace tare::sys {

struct SocketPair {
  UniqueFd one, other;
};
SocketPair make_socket_pair();

/// Listens at `name` in the directory, non-blocking; one left there by a process that is gone is replaced.
/// The name has at most 70 bytes, the directory any path: the address goes by its descriptor (unix(7),
/// sun_path).
UniqueFd listen_at(Fd directory, const std::string& name);
/// Invalid when nobody listens there (errno ENOENT or ECONNREFUSED).
UniqueFd try_connect_at(Fd directory, const std::string& name) noexcept;
/// Invalid when nobody waits to be accepted.
UniqueFd try_accept(Fd listener) noexcept;
struct Received {
  std::size_t size = 0;  ///< 0: the end of the conversation
  bool is_cut_off = false;
  UniqueFd descriptor = {};
};
/// One message, and the descriptor that it carries, if it does. Throws what the kernel says, `from` naming
/// who is at the other end; but for one who is gone.
Received receive_with_descriptor(Fd socket, void* buffer, std::size_t size, std::string_view from);
/// One message with a descriptor in it (unix(7), SCM_RIGHTS). False, with errno, when it could not be sent.
bool try_send_descriptor(Fd socket, std::string_view text, Fd descriptor) noexcept;

}  // namespace tare::sys
