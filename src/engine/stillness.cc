#include "engine/stillness.h"

#include <csignal>
#include <exception>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "engine/life.h"
#include "sys/file.h"
#include "sys/socket.h"

namespace tare::engine {
namespace {

constexpr std::size_t longest_answer = 4096;

// What ends a client, at a terminal the whole group, is not for this one: it ends by itself.
void leave_the_terminal() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(signal, SIG_IGN);
  ::setsid();
  const sys::UniqueFd nothing = sys::open_at(sys::here, "/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.number(), standard);
}

// The answer: "=", or "! KIND TEXT".
[[noreturn]] void work(const state::Place& place, const ContainerId& id, sys::Fd client) {
  try {
    leave_the_terminal();
    try {
      pause(place, id.value);
    } catch (const Error& error) {
      sys::write_all(
          client, format("! {} {}", static_cast<int>(error.kind()), error.what()).substr(0, longest_answer));
      ::_exit(1);
    }
    // Nobody may be there any more to hear it.
    (void)!::write(client.number(), "=", 1);
    char byte;
    while (::read(client.number(), &byte, 1) > 0) {
    }
    unpause(place, id.value);
  } catch (const std::exception&) {
    // It has ended, or somebody else has let it go on.
  }
  ::_exit(0);
}

void read_answer(sys::Fd socket) {
  std::string answer(longest_answer, '\0');
  const ssize_t size = ::read(socket.number(), answer.data(), answer.size());
  answer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (answer == "=") return;
  if (!answer.starts_with("! ")) throw Error(ErrorKind::system, "the process that pauses it was killed");
  const auto space = answer.find(' ', 2);
  const int kind = parse_integer<int>(answer.substr(2, space - 2), 0, static_cast<int>(ErrorKind::system));
  throw Error(static_cast<ErrorKind>(kind), answer.substr(space + 1), 0,
              "--pause=false reads its files while it runs");
}

}  // namespace

sys::UniqueFd hold_still(const state::Place& place, const ContainerId& id) {
  const Container container = find_container(place, id.value);
  if (!container.running || container.running->is_paused) return {};
  auto [ours, theirs] = sys::make_socket_pair();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot start the process that pauses it");
  if (pid == 0) {
    ours.reset();
    work(place, id, theirs);
  }
  theirs.reset();
  try {
    read_answer(ours);
  } catch (const Error&) {
    // It may have ended, or have been paused by somebody else, since we looked.
    const Container after = find_container(place, id.value);
    if (after.running && !after.running->is_paused) throw;
    return {};
  }
  return std::move(ours);
}

}  // namespace tare::engine
