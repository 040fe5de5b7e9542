#include "sys/socket.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"

namespace tare::sys {
namespace {

constexpr int backlog = 64;

sockaddr_un address_of(Fd directory, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int size = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s",
                                 directory.number(), name.c_str());
  if (size >= static_cast<int>(sizeof address.sun_path)) address.sun_path[0] = '\0';
  return address;
}

UniqueFd make_socket(int flags) {
  return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
}

}  // namespace

SocketPair make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("cannot make a socket pair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd listen_at(Fd directory, const std::string& name) {
  remove_file(directory, name);
  UniqueFd socket = make_socket(SOCK_NONBLOCK);
  const sockaddr_un address = address_of(directory, name);
  if (!socket || ::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.number(), backlog) != 0)
    throw system_error("cannot listen on the socket " + name);
  return socket;
}

UniqueFd try_connect_at(Fd directory, const std::string& name) noexcept {
  UniqueFd socket = make_socket(0);
  const sockaddr_un address = address_of(directory, name);
  if (socket && ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

UniqueFd try_accept(Fd listener) noexcept {
  int fd;
  do fd = ::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

Received receive_with_descriptor(Fd socket, void* buffer, std::size_t size, std::string_view from) {
  iovec part{buffer, size};
  // Room for one descriptor and not for two: the kernel closes what does not fit (unix(7)).
  alignas(cmsghdr) char control[CMSG_LEN(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n;
  do n = ::recvmsg(socket.number(), &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != ECONNRESET) throw system_error(format("cannot read from {}", from));
  if (n < 0) return {};
  // An empty message may carry a descriptor, too.
  Received received{.size = static_cast<std::size_t>(n), .is_cut_off = (header.msg_flags & MSG_TRUNC) != 0};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      received.descriptor = UniqueFd(fd);
    }
  return received;
}

bool try_send_descriptor(Fd socket, std::string_view text, Fd descriptor) noexcept {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = descriptor.number();
  std::memcpy(CMSG_DATA(head), &number, sizeof number);
  return ::sendmsg(socket.number(), &message, MSG_NOSIGNAL) >= 0;
}

}  // namespace tare::sys
