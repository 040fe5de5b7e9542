#include "sys/netlink.h"

#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/process.h"

namespace tare::sys {
namespace {

constexpr std::size_t largest_answer = 64 << 10;  // bytes; the kernel's own messages have at most 32 KiB

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

template <typename T>
std::optional<T> read_at(std::string_view bytes, std::size_t at) {
  T value;
  if (at > bytes.size() || bytes.size() - at < sizeof value) return std::nullopt;
  bytes.copy(reinterpret_cast<char*>(&value), sizeof value, at);
  return value;
}

// What the child needs and what it leaves: its memory and its descriptors are the caller's.
struct Errand {
  int name_space;
  int socket, error_number;
};

[[noreturn]] void make_socket(void* argument) {
  auto* errand = static_cast<Errand*>(argument);
  long result = ::syscall(SYS_setns, errand->name_space, CLONE_NEWNET);
  if (result == 0) result = ::syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  errand->socket = static_cast<int>(result);
  errand->error_number = errno;
  for (;;) ::syscall(SYS_exit_group, 0);
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view head) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  append({reinterpret_cast<const char*>(&header), sizeof header});
  append(head);
}

void NetlinkRequest::append(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.resize(aligned(bytes_.size()));
}

void NetlinkRequest::add(std::uint16_t attribute, std::string_view bytes) {
  // Cut to sixteen bits, the length would make attributes of what is text (CVE-2021-43784).
  if (bytes.size() > UINT16_MAX - sizeof(rtattr))
    throw Error(ErrorKind::invalid,
                format("{} bytes are too many for one attribute of netlink", bytes.size()));
  const rtattr header{.rta_len = static_cast<std::uint16_t>(sizeof(rtattr) + bytes.size()),
                      .rta_type = attribute};
  append({reinterpret_cast<const char*>(&header), sizeof header});
  append(bytes);
}

std::string NetlinkRequest::bytes(std::uint32_t sequence) const {
  std::string whole = bytes_;
  nlmsghdr header;
  whole.copy(reinterpret_cast<char*>(&header), sizeof header);
  header.nlmsg_len = static_cast<std::uint32_t>(whole.size());
  header.nlmsg_seq = sequence;
  std::memcpy(whole.data(), &header, sizeof header);
  return whole;
}

std::optional<std::string_view> NetlinkAnswer::attribute(std::size_t head_size, std::uint16_t kind) const {
  const std::string_view bytes = payload_;
  for (std::size_t at = aligned(head_size);;) {
    const auto header = read_at<rtattr>(bytes, at);
    if (!header || header->rta_len < sizeof(rtattr) || header->rta_len > bytes.size() - at)
      return std::nullopt;
    if ((header->rta_type & NLA_TYPE_MASK) == kind)
      return bytes.substr(at + sizeof(rtattr), header->rta_len - sizeof(rtattr));
    at += aligned(header->rta_len);
  }
}

Netlink::Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  if (!socket_) throw system_error("cannot make a netlink socket");
}

std::vector<NetlinkAnswer> Netlink::ask(const NetlinkRequest& request, const std::string& words) {
  const std::string bytes = request.bytes(++sequence_);
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::sendto(socket_.number(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) != static_cast<ssize_t>(bytes.size()))
    throw system_error(words);
  std::vector<NetlinkAnswer> answers;
  std::string buffer(largest_answer, '\0');
  for (;;) {
    sockaddr_nl sender{};
    socklen_t size = sizeof sender;
    const ssize_t n = ::recvfrom(socket_.number(), buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&sender), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error(words);
    if (sender.nl_pid != 0) continue;  // anybody may write to the socket: not the kernel
    const std::string_view received(buffer.data(), static_cast<std::size_t>(n));
    for (std::size_t at = 0;;) {
      const auto header = read_at<nlmsghdr>(received, at);
      if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > received.size() - at) break;
      const std::string_view payload =
          received.substr(at + sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr));
      at += aligned(header->nlmsg_len);
      if (header->nlmsg_seq != sequence_) continue;
      if (header->nlmsg_type == NLMSG_DONE) return answers;
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int error = read_at<std::int32_t>(payload, 0).value_or(-EPROTO);
        if (error != 0) throw system_error(-error, words);
        return answers;
      }
      answers.emplace_back(std::string(payload));
    }
  }
}

UniqueFd open_netlink_in(Fd name_space) {
  Errand errand{name_space.number(), -1, 0};
  const Child child = clone_child(CLONE_FILES, Fd(-1), make_socket, &errand);
  reap(child.pid);
  if (errand.socket < 0)
    throw system_error(errand.error_number, "cannot make a netlink socket in the container's network");
  return UniqueFd(errand.socket);
}

}  // namespace tare::sys
