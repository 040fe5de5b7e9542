#include "runtime/service_manager.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cgroup/text.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

namespace tare::runtime {
namespace {

constexpr auto directory_name = "notify", socket_name = "notify.sock";
constexpr std::string_view place_inside = "/run/notify";
constexpr int barrier_ms = 30'000;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void set(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  std::erase_if(env, [&](const std::string& other) { return other.starts_with(format("{}=", name)); });
  env.push_back(format("{}={}", name, value));
}

struct Address {
  sockaddr_un address{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// A first byte @ stands for the zero byte of an abstract one (sd_notify(3)).
Address address_of(const std::string& path) {
  Address made;
  made.address.sun_family = AF_UNIX;
  if (path.size() >= sizeof made.address.sun_path)
    throw Error(ErrorKind::invalid, format("the socket's path {} is too long", path));
  path.copy(made.address.sun_path, path.size());
  if (path.starts_with('@')) made.address.sun_path[0] = '\0';
  made.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
  return made;
}

void send_barrier(sys::Fd manager) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  const sys::UniqueFd ours(ends[0]);
  sys::UniqueFd theirs(ends[1]);
  if (!sys::try_send_descriptor(manager, "BARRIER=1", theirs)) return;
  theirs.reset();
  pollfd closed{ours.number(), POLLIN, 0};
  ::poll(&closed, 1, barrier_ms);
}

}  // namespace

int take_listening_sockets(oci::Process& process) {
  if (variable("LISTEN_PID") != std::to_string(::getpid())) return 0;
  const int count = parse_integer<int>(variable("LISTEN_FDS"), 0, 1024);
  if (count == 0) return 0;
  set(process.env, "LISTEN_FDS", std::to_string(count));
  set(process.env, "LISTEN_PID", "1");
  if (const std::string names = variable("LISTEN_FDNAMES"); !names.empty())
    set(process.env, "LISTEN_FDNAMES", names);
  return count;
}

bool NotifySocket::is_wanted() { return !variable("NOTIFY_SOCKET").empty(); }

void NotifySocket::make_directory(sys::Fd state_directory) {
  sys::make_directory(state_directory, directory_name, 0755);
}

bool NotifySocket::is_there(sys::Fd state_directory) { return sys::exists(state_directory, directory_name); }

void NotifySocket::add_to(oci::RuntimeConfig& config, const HostPath& path) {
  config.mounts.push_back({.destination = ContainerPath(std::string(place_inside)),
                           .type = "bind",
                           .source = (path / directory_name).value,
                           .options = {"bind", "nosuid", "noexec", "nodev", "ro"}});
  set(config.process.env, "NOTIFY_SOCKET", format("{}/{}", place_inside, socket_name));
}

std::optional<NotifySocket> NotifySocket::open(sys::Fd state_directory) {
  const sys::UniqueFd directory = sys::try_open_at(state_directory, directory_name, O_PATH | O_DIRECTORY);
  if (!is_wanted() || !directory) return std::nullopt;
  return NotifySocket(directory);
}

// Bound by way of the directory's descriptor: the path may be longer than an address can be.
NotifySocket::NotifySocket(sys::Fd directory) {
  Step step("prepare the socket for sd_notify(3)");
  sys::remove_file(directory, socket_name);
  socket_ = sys::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Address address = address_of(format("/proc/self/fd/{}/{}", directory.number(), socket_name));
  if (!socket_ || ::bind(socket_.number(), address.get(), address.size) != 0 ||
      ::fchmodat(directory.number(), socket_name, 0777, 0) != 0)
    throw system_error("cannot listen there");
  const std::string path = variable("NOTIFY_SOCKET");
  const Address manager = address_of(path);
  manager_ = sys::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!manager_ || ::connect(manager_.number(), manager.get(), manager.size) != 0)
    throw system_error(format("cannot connect to {}", path));
}

bool NotifySocket::pass_on(pid_t pid) {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
    if (n < 0) return false;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(n));
    while (!rest.empty()) {
      const std::string_view line = cgroup::next_word(rest, '\n');
      if (!line.starts_with("READY=")) continue;
      const std::string words[] = {std::string(line) + "\n", format("MAINPID={}\n", pid)};
      for (const auto& text : words) (void)!::send(manager_.number(), text.data(), text.size(), MSG_NOSIGNAL);
      return true;
    }
  }
}

void NotifySocket::wait_until_ready(pid_t pid, sys::Fd process) {
  for (sys::EndOfProcess end(process);;) {
    std::array<pollfd, 2> polled{{{socket_.number(), POLLIN, 0}, end.wish()}};
    if (::poll(polled.data(), polled.size(), end.patience(-1)) < 0) continue;
    if (polled[0].revents && pass_on(pid)) return send_barrier(manager_);
    if (end.is_there(polled[1].revents)) return;
  }
}

}  // namespace tare::runtime
