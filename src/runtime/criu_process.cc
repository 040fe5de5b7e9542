#include "runtime/criu_process.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/process.h"
#include "sys/socket.h"

namespace tare::runtime {
namespace {

constexpr int cannot_execute = 127;
constexpr std::size_t largest_message = 1 << 16;

// It never returns.
void become_criu(sys::Fd socket, const std::vector<sys::Fd>& given) {
  // No death signal: what criu has made would wait for it for ever, and what it saves would stay frozen, with
  // its network shut. Without SIGPIPE it finds out by itself that there is nobody left, and clears up.
  ::signal(SIGPIPE, SIG_IGN);
  // By this one it learns of processes that end while they are made; our caller may block it.
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGCHLD);
  ::sigprocmask(SIG_UNBLOCK, &ends, nullptr);
  for (const sys::Fd fd : given) ::fcntl(fd.number(), F_SETFD, 0);
  ::fcntl(socket.number(), F_SETFD, 0);
  ::execlp("criu", "criu", "swrk", std::to_string(socket.number()).c_str(), nullptr);
  ::_exit(cannot_execute);
}

}  // namespace

CriuProcess::CriuProcess(const std::vector<sys::Fd>& given) {
  auto [ours, theirs] = sys::make_socket_pair();
  pid_ = ::fork();
  if (pid_ < 0) throw system_error("cannot start criu");
  if (pid_ == 0) become_criu(theirs, given);
  socket_ = std::move(ours);
  try {
    process_ = sys::hold_child(pid_);
  } catch (...) {
    ::kill(pid_, SIGKILL);
    end();
    throw;
  }
}

CriuProcess::~CriuProcess() {
  if (pid_ > 0) end();
}

void CriuProcess::send(std::string_view message) const noexcept {
  (void)!::send(socket_.number(), message.data(), message.size(), MSG_NOSIGNAL);
}

// What it makes has its end of the socket, too: the socket alone does not tell that it has ended.
bool CriuProcess::wait_for_message() const {
  for (sys::EndOfProcess end(process_);;) {
    std::array<pollfd, 2> polled{{{socket_.number(), POLLIN, 0}, end.wish()}};
    if (::poll(polled.data(), polled.size(), end.patience(-1)) < 0) {
      if (errno == EINTR) continue;
      throw system_error("cannot poll");
    }
    if (polled[0].revents) return true;
    if (end.is_there(polled[1].revents)) return false;
  }
}

std::optional<CriuProcess::Message> CriuProcess::receive() const {
  if (!wait_for_message()) return std::nullopt;
  Message message{.text = std::string(largest_message, '\0'), .file = {}};
  auto received = sys::receive_with_descriptor(socket_, message.text.data(), message.text.size(), "criu");
  if (received.size == 0) return std::nullopt;
  if (received.is_cut_off) throw Error(ErrorKind::invalid, "criu's answer is too long");
  message.text.resize(received.size);
  message.file = std::move(received.descriptor);
  return message;
}

int CriuProcess::end() noexcept {
  socket_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

}  // namespace tare::runtime
