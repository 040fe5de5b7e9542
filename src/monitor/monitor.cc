#include "monitor/monitor.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/usage.h"
#include "monitor/relay.h"
#include "runtime/container.h"
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

// The container's ends and the monitor's.
struct Plumbing {
  sys::UniqueFd input, output, error;
  Ends ends;
};

Plumbing make_plumbing(const Order& order) {
  Plumbing plumbing;
  if (order.terminal) return plumbing;
  if (order.interactive) {
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

// How the caller itself was to be treated: its CPUs (taskset), its ABI (setarch), its chances with the OOM
// killer.
void be_treated_normally() {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  ::sched_setaffinity(0, sizeof all, &all);
  ::personality(PER_LINUX);
  sys::try_write_to(sys::here, "/proc/self/oom_score_adj", "0");  // a lower one cannot always be had
}

// Nothing of the command that started the container stays: not its session, directory, terminal or open
// files.
void leave_the_caller(sys::Fd client, sys::Fd lock) {
  ::setsid();
  sys::close_others({client, lock});
  if (::chdir("/") != 0) throw system_error("cannot enter /");
  ::umask(022);
  be_treated_normally();
  // Writing to a container that closed its input is no reason to die; blocked, because what is ignored is
  // inherited.
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::sigprocmask(SIG_SETMASK, &pipe, nullptr);
  const sys::UniqueFd null = sys::open_at(sys::here, "/dev/null", O_RDWR);
  for (int stream = 0; stream < 3; stream++)
    if (::dup2(null.number(), stream) < 0) throw system_error("cannot let go of the standard streams");
}

std::string memory_words(const cgroup::Usage& usage) {
  return usage.memory_limit ? format(" of {}", format_size(*usage.memory_limit)) : std::string();
}

class Monitor {
 public:
  Monitor(const Order& order, state::Lock& lock, sys::UniqueFd client)
      : order_(order), lock_(lock), record_(order.record), client_(std::move(client)) {}

  void run() {
    // It may live long, and `-e PASSWORD=…` is not for everybody's eyes.
    sys::rename_process(format("tare: monitor {}", record_.name), "tare: monitor");
    leave_the_caller(client_, lock_.file());
    try {
      live();
    } catch (const Error& error) {
      if (ran_) throw;
      give_up(error);
    }
  }

 private:
  void live() {
    cgroup::Cgroup cgroup = cgroup::Cgroup::create(order_.cgroups, record_.cgroup, order_.needed_controllers);
    cgroup.apply(order_.limits);
    if (!order_.devices.empty()) cgroup::attach_device_rules(cgroup.open_unified(), order_.devices);

    Plumbing plumbing = make_plumbing(order_);
    runtime::Container container = runtime::Container::create(
        order_.program, cgroup,
        {.input = plumbing.input, .output = plumbing.output, .error = plumbing.error});
    plumbing.input.reset();
    plumbing.output.reset();
    plumbing.error.reset();
    if (order_.terminal) take_terminal(plumbing.ends, container.take_console());

    if (client_gave_up())
      throw Error(ErrorKind::conflict, "the command that wanted the container is gone or was interrupted");
    record_.started = now();
    state::write_running(order_.place, record_.id,
                         {.pid = container.pid(),
                          .start_ticks = sys::start_ticks(container.pid()).value_or(0),
                          .monitor = ::getpid()});
    if (!record_.remove_on_exit) state::write_record(order_.place, record_);
    container.start();
    if (!send(client_, Frame::Type::started)) client_.reset();

    state::Exit exit;
    std::string words;
    relay(container.pidfd(), client_, std::move(plumbing.ends), [&] {
      const int status = container.wait();
      ran_ = true;
      const cgroup::Usage usage = cgroup::read_usage(order_.cgroups, record_.cgroup);
      exit = {.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
              .oom_killed = usage.oom_kills.value_or(0) > 0,
              .finished = now()};
      if (exit.oom_killed && exit.code == 128 + SIGKILL)
        words = format("OOM: the container reached its memory limit{} and was killed", memory_words(usage));
      try {
        cgroup.keep();  // what cannot be removed now is left to the command that settles the container
        cgroup::Cgroup::remove(order_.cgroups, record_.cgroup);
        settle(exit);
      } catch (const Error& error) {
        words += format("{}its end could not be noted: {}", words.empty() ? "" : "; ", error.what());
      }
    });
    report_end(exit, words);
  }

  // Gone, or it says something: before the container's command runs, that can only be a signal.
  bool client_gave_up() const {
    char byte;
    return ::recv(client_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  // The container's end, on disk: what is reported to the client is done.
  void settle(const state::Exit& exit) {
    if (record_.remove_on_exit) {
      state::forget(order_.place, record_.id, lock_);
      return;
    }
    record_.exit = exit;
    state::write_record(order_.place, record_);
    state::forget_running(order_.place, record_.id);
    state::release(order_.place, record_.id, lock_);
  }

  void report_end(const state::Exit& exit, const std::string& words) {
    if (client_)
      send(client_, Frame::Type::ended, format("{} {} {}", exit.code, exit.oom_killed ? 1 : 0, words));
  }

  // Its command never ran. Without an overlay the client tries again in another way and still owns the
  // container.
  void give_up(const Error& error) {
    try {
      if (error.kind() != ErrorKind::no_overlay || client_gave_up())
        settle({.code = exit_code(error.kind()), .error = error.what(), .finished = now()});
    } catch (const Error&) {
      // Left to the command that settles the container; the first failure is the one to tell.
    }
    if (client_)
      send(client_, Frame::Type::failed, format("{} {}", static_cast<int>(error.kind()), error.what()));
  }

  const Order& order_;
  state::Lock& lock_;
  state::Record record_;
  sys::UniqueFd client_;
  bool ran_ = false;
};

}  // namespace

void run_monitor(const Order& order, state::Lock& lock, sys::UniqueFd client) {
  Monitor(order, lock, std::move(client)).run();
}

}  // namespace tare::monitor
