// Whatever a container says on the socket for sd_notify(3), the service manager hears at most that it is
// ready. The input is packets, with NULs between them.
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "directory.h"
#include "runtime/service_manager.h"

using namespace tare;

namespace {

sys::UniqueFd datagram_socket(const std::string& path, int (*attach)(int, const sockaddr*, socklen_t)) {
  sys::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (attach(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  return socket;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory directory;
  static const sys::UniqueFd manager = datagram_socket(directory.path() + "/manager", ::bind);
  static runtime::NotifySocket notify = [] {
    ::setenv("NOTIFY_SOCKET", (directory.path() + "/manager").c_str(), 1);
    runtime::NotifySocket::make_directory(directory.fd());
    return std::move(*runtime::NotifySocket::open(directory.fd()));
  }();
  static const sys::UniqueFd container = datagram_socket(directory.path() + "/notify/notify.sock", ::connect);

  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (::send(container.number(), rest.data(), end, 0) < 0) break;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  char buffer[8192];
  // The runtime stops at the first one; a manager that does not read would hold it up.
  while (notify.pass_on(4711))
    for (ssize_t n; (n = ::recv(manager.number(), buffer, sizeof buffer, 0)) >= 0;) {
      const std::string_view heard(buffer, static_cast<std::size_t>(n));
      if (heard != "MAINPID=4711\n" && !heard.starts_with("READY=")) std::abort();
      if (heard.find('\n') != heard.size() - 1) std::abort();
    }
  if (::recv(manager.number(), buffer, sizeof buffer, 0) >= 0) std::abort();
  return 0;
}
