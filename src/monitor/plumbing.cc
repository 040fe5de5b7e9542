#include "monitor/plumbing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::monitor {
namespace {

struct Pipe {
  sys::UniqueFd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

void make_nonblocking(sys::Fd fd) {
  if (::fcntl(fd.number(), F_SETFL, ::fcntl(fd.number(), F_GETFL) | O_NONBLOCK) != 0)
    throw system_error("cannot make a descriptor non-blocking");
}

// How the caller itself was to be treated: its CPUs (taskset), its ABI (setarch), its chances with the OOM
// killer.
void be_treated_normally() {
  sys::use_all_processors();
  ::personality(PER_LINUX);
  sys::try_write_to(sys::here, "/proc/self/oom_score_adj", "0");  // a lower one cannot always be had
}

}  // namespace

void Plumbing::let_go() noexcept {
  input.reset();
  output.reset();
  error.reset();
}

Plumbing make_plumbing(bool has_terminal, bool gives_input) {
  Plumbing plumbing;
  if (has_terminal) return plumbing;
  if (gives_input) {
    Pipe input = make_pipe();
    plumbing.input = std::move(input.read);
    plumbing.ends.input = std::move(input.write);
    make_nonblocking(plumbing.ends.input);
  }
  Pipe output = make_pipe(), error = make_pipe();
  plumbing.output = std::move(output.write);
  plumbing.error = std::move(error.write);
  plumbing.ends.output = std::move(output.read);
  plumbing.ends.error = std::move(error.read);
  make_nonblocking(plumbing.ends.output);
  make_nonblocking(plumbing.ends.error);
  return plumbing;
}

void take_terminal(Ends& ends, sys::UniqueFd console) {
  ends.terminal = std::move(console);
  ends.terminal_peer =
      sys::UniqueFd(::ioctl(ends.terminal.number(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.terminal_peer) throw system_error("cannot open the container's terminal");
  make_nonblocking(ends.terminal);
}

void leave_the_caller(std::vector<sys::Fd> kept) {
  ::setsid();
  sys::close_others(std::move(kept));
  if (::chdir("/") != 0) throw system_error("cannot enter /");
  ::umask(022);
  be_treated_normally();
  // Writing to a container that closed its input, or a log beyond the caller's `ulimit -f`, is no reason to
  // die; blocked, because what is ignored is inherited.
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGPIPE);
  ::sigaddset(&blocked, SIGXFSZ);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  const sys::UniqueFd null = sys::open_at(sys::here, "/dev/null", O_RDWR);
  for (int stream = 0; stream < 3; stream++)
    if (::dup2(null.number(), stream) < 0) throw system_error("cannot let go of the standard streams");
}

}  // namespace tare::monitor
