#include "monitor/protocol.h"

#include <cerrno>
#include <cstdio>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/format.h"

namespace tare::monitor {
namespace {

bool transmit(sys::Fd socket, Frame::Type type, std::string_view payload, int flags) noexcept {
  iovec parts[] = {{&type, sizeof type}, {const_cast<char*>(payload.data()), payload.size()}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  ssize_t n;
  do n = ::sendmsg(socket.number(), &header, MSG_NOSIGNAL | flags);
  while (n < 0 && errno == EINTR);
  return n >= 0;
}

}  // namespace

std::string to_payload(Wish wish) { return std::string(wish.input ? "i" : "") + (wish.output ? "o" : ""); }

Wish parse_wish(std::string_view payload) {
  return {.input = payload.find('i') != payload.npos, .output = payload.find('o') != payload.npos};
}

std::string failure_payload(const Error& error) {
  return format("{} {}", static_cast<int>(error.kind()), error.what());
}

std::optional<Failure> parse_failure(const std::string& payload) {
  int kind = 0, at = 0;
  if (std::sscanf(payload.c_str(), "%d %n", &kind, &at) < 1) return std::nullopt;
  return Failure{static_cast<ErrorKind>(kind), payload.substr(static_cast<std::size_t>(at))};
}

bool send(sys::Fd socket, Frame::Type type, std::string_view payload) {
  return transmit(socket, type, payload, 0);
}

bool try_send(sys::Fd socket, Frame::Type type, std::string_view payload) noexcept {
  return transmit(socket, type, payload, MSG_DONTWAIT);
}

std::optional<Frame> receive(sys::Fd socket) {
  Frame frame;
  frame.payload.resize(largest_payload);
  iovec parts[] = {{&frame.type, sizeof frame.type}, {frame.payload.data(), frame.payload.size()}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  ssize_t n;
  // ECONNRESET tells once that the other side left without reading everything; what it sent is still there.
  do n = ::recvmsg(socket.number(), &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) throw system_error("cannot read from a container's monitor or client");
  if (n < static_cast<ssize_t>(sizeof frame.type)) return std::nullopt;
  frame.payload.resize(static_cast<std::size_t>(n) - sizeof frame.type);
  return frame;
}

}  // namespace tare::monitor
