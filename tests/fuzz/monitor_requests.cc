// Whatever the clients of a container's monitor say, it passes the container's output on and ends with the
// container. The input is packets: a byte for which of two clients says it, one for how many bytes follow.
#include <cstdlib>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "directory.h"
#include "monitor/relay.h"
#include "sys/socket.h"

using namespace tare;
using monitor::Frame;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    read = sys::UniqueFd(ends[0]), write = sys::UniqueFd(ends[1]);
  }
  sys::UniqueFd read, write;
};

// A terminal whose signals reach nobody: it is the controlling one of no process.
void open_terminal(monitor::Ends& ends) {
  ends.terminal = sys::UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!ends.terminal || ::unlockpt(ends.terminal.number()) != 0) std::abort();
  ends.terminal_peer = sys::open_at(sys::here, ::ptsname(ends.terminal.number()), O_RDWR | O_NOCTTY);
}

constexpr auto last_of_client = static_cast<unsigned char>(Frame::Type::rename);
constexpr auto the_end = "the end";

// False where the socket holds no more: nobody reads from it yet.
bool send_packet(sys::Fd socket, std::string_view bytes) {
  return ::send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory directory;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&]() -> unsigned {
    if (rest.empty()) return 0;
    const unsigned byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    return byte;
  };

  const unsigned options = next();
  monitor::Ends ends;
  Pipe input, output, error;
  if (options & 1) {
    open_terminal(ends);
  } else {
    sys::write_all(output.write, "output");
    ends.input = std::move(input.write), ends.output = std::move(output.read),
    ends.error = std::move(error.read);
  }
  sys::SocketPair first = sys::make_socket_pair();
  sys::UniqueFd listener = sys::listen_at(directory.fd(), "socket");
  sys::UniqueFd second = sys::try_connect_at(directory.fd(), "socket");
  // So few that the answers, which are read in the end, fit into the socket: a monitor waits for its client.
  constexpr int most_packets = 40;
  for (int packets = 0; packets < most_packets && !rest.empty(); packets++) {
    const bool is_first = next() % 2 == 0;
    const std::size_t count = std::min<std::size_t>(next(), rest.size());
    std::string packet(rest.substr(0, count));
    rest.remove_prefix(count);
    // The first one's are of a type that there is: it is to be heard to its end.
    if (is_first && packet.empty()) continue;
    if (is_first) packet[0] = static_cast<char>(static_cast<unsigned char>(packet[0]) % (last_of_client + 1));
    (void)send_packet(is_first ? first.other : second, packet);
  }
  // Which is the container's: here an event, which no signal reaches.
  const sys::UniqueFd container(::eventfd(0, EFD_CLOEXEC));
  if (!send_packet(first.other, std::string(1, static_cast<char>(Frame::Type::pause)) + the_end)) return 0;
  if (options & 2) second.reset();
  const monitor::Duties duties{.log = [](Frame::Type, std::string_view) {},
                               .answer =
                                   [&](const Frame& request) {
                                     if (request.payload == the_end) ::eventfd_write(container.number(), 1);
                                     if (request.payload.size() % 2 == 1)
                                       throw Error(ErrorKind::conflict, "refused: " + request.payload);
                                   },
                               .end = [] { return "0 0 "; }};
  monitor::relay(container, std::move(ends),
                 {.client = std::move(first.one),
                  .wish = {.input = (options & 4) != 0, .output = (options & 8) != 0},
                  .listener = std::move(listener),
                  .input_ends_with_it = (options & 16) != 0},
                 duties);
  // What the client hears of it can be read, and ends with the end.
  std::string last;
  while (const auto frame = monitor::receive(first.other)) {
    if (frame->type == Frame::Type::failed && !monitor::parse_failure(frame->payload)) std::abort();
    if (frame->type == Frame::Type::ended) last = frame->payload;
  }
  if (last != "0 0 ") std::abort();
  return 0;
}
