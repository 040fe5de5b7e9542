#include "monitor/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <list>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "sys/socket.h"

namespace tare::monitor {
namespace {

constexpr char end_of_transmission = 4;    // ^D, what ends input on a terminal
constexpr std::size_t most_clients = 256;  // further ones wait to be accepted

struct Client {
  sys::UniqueFd socket;
  Wish wish;
  bool is_first = false;         ///< the one that started the container
  bool awaits_taken = false;     ///< its input is among what the container has not taken yet
  std::deque<Frame> queue = {};  ///< what it is to be told
};

class Relay {
 public:
  Relay(sys::Fd pidfd, Ends ends, Audience audience, const Duties& duties)
      : pidfd_(pidfd),
        ends_(std::move(ends)),
        listener_(std::move(audience.listener)),
        duties_(duties),
        input_ends_with_first_(audience.input_ends_with_it) {
    if (audience.client)
      clients_.push_back({.socket = std::move(audience.client), .wish = audience.wish, .is_first = true});
  }

  void run() {
    while (!has_ended_) step();
    listener_.reset();
    // What it wrote is in the log before its end is told to anybody, and then what those wrote that the end
    // has killed.
    pass_what_is_left();
    const std::string end = duties_.end();
    pass_what_is_left();
    for (auto& client : clients_) client.queue.push_back({Frame::Type::ended, end});
    flush();
  }

 private:
  // No more than pipes can hold: what was started by a process that was executed may go on writing.
  void pass_what_is_left() {
    constexpr int fullest_pipe = 32;  // reads of largest_payload
    for (int i = 0; i < fullest_pipe && pass_output(output_fd(), Frame::Type::output); i++) {
    }
    if (ends_.terminal) return;
    for (int i = 0; i < fullest_pipe && pass_output(ends_.error, Frame::Type::error_output); i++) {
    }
  }

  sys::Fd output_fd() const { return ends_.terminal ? ends_.terminal : ends_.output; }
  sys::Fd input_fd() const { return ends_.terminal ? ends_.terminal : ends_.input; }

  bool is_held_back() const {
    return std::ranges::any_of(
        clients_, [](const Client& client) { return client.wish.output && !client.queue.empty(); });
  }

  void step() {
    enum { process, output, error, input, newcomers, first_client };
    const bool held = is_held_back();
    const bool is_full = clients_.size() >= most_clients;
    std::vector<pollfd> polled{{pidfd_.number(), POLLIN, 0},
                               {held ? -1 : output_fd().number(), POLLIN, 0},
                               {held ? -1 : ends_.error.number(), POLLIN, 0},
                               {pending_input_.empty() ? -1 : input_fd().number(), POLLOUT, 0},
                               {is_full ? -1 : listener_.number(), POLLIN, 0}};
    for (const auto& client : clients_) polled.push_back(wanted_of(client));
    wait(polled);
    if (polled[input].revents) write_input();
    if (polled[output].revents) pass_output(output_fd(), Frame::Type::output);
    if (polled[error].revents) pass_output(ends_.error, Frame::Type::error_output);
    auto at = static_cast<std::size_t>(first_client);
    for (auto client = clients_.begin(); at < polled.size(); at++) client = serve(client, polled[at].revents);
    if (polled[newcomers].revents)
      if (sys::UniqueFd socket = sys::try_accept(listener_))
        clients_.push_back({.socket = std::move(socket)});
    has_ended_ = polled[process].revents != 0;
  }

  // Waits until every client that is still there has heard everything.
  void flush() {
    while (std::ranges::any_of(clients_, [](const Client& client) { return !client.queue.empty(); })) {
      std::vector<pollfd> polled;
      for (const auto& client : clients_) polled.push_back(wanted_of(client));
      wait(polled);
      std::size_t at = 0;
      for (auto client = clients_.begin(); at < polled.size(); at++)
        client = serve(client, polled[at].revents);
    }
  }

  static pollfd wanted_of(const Client& client) {
    const int events = client.queue.empty() ? POLLIN : POLLIN | POLLOUT;
    return {client.socket.number(), static_cast<short>(events), 0};
  }

  static void wait(std::vector<pollfd>& polled) {
    while (::poll(polled.data(), polled.size(), -1) < 0)
      if (errno != EINTR) throw system_error("cannot poll");
  }

  using Position = std::list<Client>::iterator;

  // The position of the next client: this one may be gone.
  Position serve(Position client, short events) {
    bool is_there = true;
    if (events & POLLOUT) is_there = tell(*client);
    if (is_there && (events & (POLLIN | POLLHUP | POLLERR))) is_there = hear(*client);
    if (is_there) return std::next(client);
    const bool ends_input = client->is_first && input_ends_with_first_;
    const Position next = clients_.erase(client);
    if (ends_input) end_input_without_a_word();
    return next;
  }

  // What it takes now. False when it is gone.
  static bool tell(Client& client) {
    while (!client.queue.empty()) {
      const Frame& frame = client.queue.front();
      if (!try_send(client.socket, frame.type, frame.payload)) return errno == EAGAIN || errno == ENOBUFS;
      client.queue.pop_front();
    }
    return true;
  }

  // False when it is gone, or talks nonsense.
  bool hear(Client& client) {
    auto frame = receive(client.socket);
    if (!frame) return false;
    if (has_ended_) return true;
    switch (frame->type) {
      case Frame::Type::attach: client.wish = parse_wish(frame->payload); return true;
      case Frame::Type::input:
        pending_input_ += frame->payload;
        client.awaits_taken = true;
        write_input();
        return true;
      case Frame::Type::input_end:
        if (client.is_first && input_ends_with_first_) end_input();
        return true;
      case Frame::Type::resize: resize(frame->payload); return true;
      case Frame::Type::signal: signal(frame->payload); return true;
      case Frame::Type::pause:
      case Frame::Type::unpause:
      case Frame::Type::rename: answer(client, *frame); return true;
      default: return false;
    }
  }

  void answer(Client& client, const Frame& request) {
    try {
      duties_.answer(request);
      client.queue.push_back({Frame::Type::done, {}});
    } catch (const Error& error) {
      client.queue.push_back({Frame::Type::failed, failure_payload(error)});
    }
  }

  void end_input() {
    if (ends_.terminal) pending_input_.push_back(end_of_transmission);
    input_ends_ = true;
    write_input();
  }

  // The client is gone: a terminal has no end of input for that.
  void end_input_without_a_word() {
    input_ends_ = true;
    if (!ends_.terminal && pending_input_.empty()) ends_.input.reset();
  }

  void write_input() {
    while (!pending_input_.empty() && input_fd().valid()) {
      const ssize_t n = ::write(input_fd().number(), pending_input_.data(), pending_input_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0)
        pending_input_.clear();  // the container closed its input
      else
        pending_input_.erase(0, static_cast<std::size_t>(n));
    }
    pending_input_.clear();
    if (input_ends_) ends_.input.reset();
    for (auto& client : clients_)
      if (client.awaits_taken) {
        client.queue.push_back({Frame::Type::input_taken, {}});
        client.awaits_taken = false;
      }
  }

  void resize(const std::string& payload) {
    winsize size{};
    if (!ends_.terminal || std::sscanf(payload.c_str(), "%hu %hu", &size.ws_row, &size.ws_col) != 2) return;
    ::ioctl(ends_.terminal.number(), TIOCSWINSZ, &size);
  }

  void signal(const std::string& payload) {
    int number = 0;
    if (std::sscanf(payload.c_str(), "%d", &number) == 1 && number > 0)
      ::syscall(SYS_pidfd_send_signal, pidfd_.number(), number, nullptr, 0);
  }

  // False when there is no more for now, or for good.
  bool pass_output(sys::Fd from, Frame::Type type) {
    if (!from.valid()) return false;
    std::array<char, largest_payload> buffer;
    const ssize_t n = ::read(from.number(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) return true;
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) {
      if (type == Frame::Type::error_output)
        ends_.error.reset();
      else if (!ends_.terminal)
        ends_.output.reset();
      return false;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (duties_.log) duties_.log(type, bytes);
    for (auto& client : clients_) {
      if (!client.wish.output) continue;
      const bool is_sent = client.queue.empty() && try_send(client.socket, type, bytes);
      if (!is_sent) client.queue.push_back({type, std::string(bytes)});
    }
    return true;
  }

  sys::Fd pidfd_;
  Ends ends_;
  sys::UniqueFd listener_;
  const Duties& duties_;
  bool input_ends_with_first_;
  std::list<Client> clients_;
  std::string pending_input_;
  bool input_ends_ = false, has_ended_ = false;
};

}  // namespace

void relay(sys::Fd pidfd, Ends ends, Audience audience, const Duties& duties) {
  Relay(pidfd, std::move(ends), std::move(audience), duties).run();
}

}  // namespace tare::monitor
