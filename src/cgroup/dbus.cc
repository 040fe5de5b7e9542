#include "cgroup/dbus.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <ctime>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"

namespace tare::cgroup {
namespace {

using Clock = DBusConnection::Clock;
using namespace std::string_view_literals;

/// EXTERNAL: the kernel says who we are (SO_PEERCRED), and no word of it is said here, for in a user
/// namespace the number that we know is not the one that the other end sees. To an AUTH without a word the
/// answer is DATA, a question, to which no word is the answer again. None of it depends on an answer, so that
/// all of it goes at once.
constexpr auto introduction = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv;
constexpr std::size_t longest_welcome = 4096;

Error cannot_talk(int error_number) { return system_error(error_number, "cannot talk to systemd"); }

std::optional<unsigned char> digit_of(char c) {
  constexpr auto digits = "0123456789abcdef"sv;
  const auto value = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  return value == digits.npos ? std::nullopt : std::optional(static_cast<unsigned char>(value));
}

/// An address's value: %2f stands for the byte 0x2f. nullopt: it is none.
std::optional<std::string> try_unescape(std::string_view text) {
  std::string plain;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text[0] != '%') {
      plain += text[0];
      continue;
    }
    if (text.size() < 3) return std::nullopt;
    const auto high = digit_of(text[1]), low = digit_of(text[2]);
    if (!high || !low) return std::nullopt;
    plain += static_cast<char>(*high << 4 | *low);
    text.remove_prefix(2);
  }
  return plain;
}

struct SocketAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

/// unix(7): a path ends with a NUL byte, an abstract name begins with one.
std::expected<SocketAddress, int> to_socket_address(const std::string& name, bool is_abstract) {
  SocketAddress made;
  made.address.sun_family = AF_UNIX;
  if (name.empty() || (!is_abstract && name.contains('\0'))) return std::unexpected(EINVAL);
  if (name.size() >= sizeof made.address.sun_path) return std::unexpected(ENAMETOOLONG);
  name.copy(made.address.sun_path + (is_abstract ? 1 : 0), name.size());
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  return made;
}

/// "unix:path=/run/systemd/private,guid=…"; what else there is in one (guid=) helps others.
std::expected<SocketAddress, int> parse(std::string_view address) {
  if (next_word(address, ':') != "unix") return std::unexpected(EPROTONOSUPPORT);
  std::expected<SocketAddress, int> parsed = std::unexpected(EINVAL);
  while (!address.empty()) {
    std::string_view value = next_word(address, ',');
    const std::string_view key = next_word(value, '=');
    if (key != "path" && key != "abstract") continue;
    const auto name = try_unescape(value);
    if (!name || parsed) return std::unexpected(EINVAL);
    parsed = to_socket_address(*name, key == "abstract");
    if (!parsed) return parsed;
  }
  return parsed;
}

void pause_before_next_try() {
  const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
  ::nanosleep(&pause, nullptr);
}

std::expected<sys::UniqueFd, int> try_connect(std::string_view address, Clock::time_point deadline) {
  const auto to = parse(address);
  if (!to) return std::unexpected(to.error());
  sys::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(errno);
  while (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&to->address), to->size) != 0) {
    // The queue of those who wait to be accepted is full, and poll(2) does not tell when it no longer is.
    if (errno != EAGAIN || Clock::now() >= deadline) return std::unexpected(errno);
    pause_before_next_try();
  }
  // So little fits into a new socket always.
  if (::send(socket.number(), introduction.data(), introduction.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(introduction.size()))
    return std::unexpected(errno);
  return socket;
}

}  // namespace

std::expected<DBusConnection, int> DBusConnection::try_open(std::string_view addresses, Peer peer,
                                                            Clock::time_point deadline) {
  int error_number = EINVAL;
  while (!addresses.empty()) {
    auto socket = try_connect(next_word(addresses, ';'), deadline);
    if (!socket) {
      error_number = socket.error();
      continue;
    }
    DBusConnection connection(std::move(*socket));
    if (peer == Peer::message_bus)
      connection.greeting_ = connection.send({.destination = "org.freedesktop.DBus",
                                              .object = "/org/freedesktop/DBus",
                                              .interface = "org.freedesktop.DBus",
                                              .member = "Hello"});
    return connection;
  }
  return std::unexpected(error_number);
}

std::uint32_t DBusConnection::send(const MethodCall& call) {
  unsent_ += to_bytes(call, ++last_serial_);
  return last_serial_;
}

std::optional<Message> DBusConnection::try_receive(Clock::time_point deadline) {
  for (;;) {
    if (auto message = take_received()) return message;
    if (is_let_in_) write_waiting();
    if (!wait(deadline)) return std::nullopt;
    read_more();
  }
}

std::optional<Message> DBusConnection::take_received() {
  if (!is_let_in_) is_let_in_ = take_welcome();
  if (!is_let_in_) return std::nullopt;
  auto message = take_message(received_);
  if (message && message->type == Message::Type::error && message->replied == greeting_)
    throw Error(ErrorKind::system,
                format("the message bus does not let us speak to systemd: {}", message->error_text()));
  return message;
}

/// The answers to the introduction: DATA and "OK", with the other end's id. There are those that need no
/// DATA, and say OK to each line. False: they are not complete.
bool DBusConnection::take_welcome() {
  constexpr auto line_end = "\r\n"sv;
  const auto first_end = received_.find(line_end);
  const auto second = first_end + line_end.size();
  const auto end = first_end == received_.npos ? first_end : received_.find(line_end, second);
  const auto is_first_word = [&](std::size_t at, std::string_view word) {
    return std::string_view(received_).substr(at).starts_with(word);
  };
  if (first_end != received_.npos && !is_first_word(0, "DATA") && !is_first_word(0, "OK"))
    throw cannot_talk(EPERM);
  if (end == received_.npos) {
    if (received_.size() > longest_welcome) throw cannot_talk(EBADMSG);
    return false;
  }
  if (!is_first_word(second, "OK")) throw cannot_talk(EPERM);
  received_.erase(0, end + line_end.size());
  return true;
}

void DBusConnection::write_waiting() {
  while (!unsent_.empty()) {
    const ssize_t written = ::send(socket_.number(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) throw cannot_talk(errno);
    unsent_.erase(0, static_cast<std::size_t>(written));
  }
}

/// False: nothing happened until the deadline.
bool DBusConnection::wait(Clock::time_point deadline) const {
  const bool has_to_write = is_let_in_ && !unsent_.empty();
  pollfd waited{socket_.number(), static_cast<short>(has_to_write ? POLLIN | POLLOUT : POLLIN), 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int ready = ::poll(&waited, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw cannot_talk(errno);
    if (ready == 0 && Clock::now() >= deadline) return false;
  }
}

void DBusConnection::read_more() {
  char buffer[8192];
  const ssize_t count = ::recv(socket_.number(), buffer, sizeof buffer, 0);
  if (count > 0) received_.append(buffer, static_cast<std::size_t>(count));
  if (count == 0) throw cannot_talk(ECONNRESET);
  if (count < 0 && errno != EINTR && errno != EAGAIN) throw cannot_talk(errno);
}

}  // namespace tare::cgroup
