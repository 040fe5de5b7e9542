#include "runtime/console_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/socket.h"

namespace tare::runtime {

namespace {

void send(sys::Fd socket, sys::Fd fd, const std::string& name) {
  if (!sys::try_send_descriptor(socket, name, fd))
    throw system_error(format("cannot send {} to its socket", name));
}

}  // namespace

sys::UniqueFd connect_to(const std::string& path, std::string_view action) {
  Step step(action, path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string shown = path;
  sys::UniqueFd directory;
  if (path.size() >= sizeof address.sun_path) {
    const std::size_t slash = path.rfind('/');
    directory =
        sys::open_at(sys::here, slash == path.npos ? "." : path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
    shown = format("/proc/self/fd/{}/{}", directory.number(), path.substr(slash + 1));
    if (shown.size() >= sizeof address.sun_path) throw system_error(ENAMETOOLONG, "its name is too long");
  }
  shown.copy(address.sun_path, sizeof address.sun_path - 1);
  sys::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("cannot make a socket");
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw system_error("nobody can be reached there");
  return socket;
}

// The words are those of other runtimes, which callers look for.
sys::UniqueFd connect_console(const std::string& path, bool terminal, Stay stay) {
  const bool needed = terminal && stay == Stay::not_at_all;
  if (needed && path.empty())
    throw Error(ErrorKind::invalid,
                "cannot allocate tty if the runtime will detach without setting console socket", 0,
                "give one with --console-socket");
  if (!needed && !path.empty())
    throw Error(ErrorKind::invalid,
                "cannot use console socket if the runtime will not detach or allocate tty");
  return needed ? connect_to(path, "connect to the console socket") : sys::UniqueFd();
}

sys::UniqueFd connect_pidfd(const std::string& path) {
  return path.empty() ? sys::UniqueFd() : connect_to(path, "connect to the pidfd socket");
}

void send_console(sys::Fd socket, sys::Fd console) { send(socket, console, "/dev/ptmx"); }

void send_pidfd(sys::Fd socket, sys::Fd pidfd, Entrance entrance) {
  struct stat status;
  if (::fstat(pidfd.number(), &status) == 0 && S_ISDIR(status.st_mode))
    throw Error(ErrorKind::unsupported, "cannot have a pidfd for the pidfd socket", ENOSYS,
                "it takes pidfd_open, which a filter refuses here");
  send(socket, pidfd, entrance == Entrance::standard ? "standard" : "setns");
}

}  // namespace tare::runtime
