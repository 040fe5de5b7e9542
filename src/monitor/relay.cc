#include "monitor/relay.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace tare::monitor {
namespace {

constexpr unsigned char end_of_transmission = 4;  // ^D, what ends input on a terminal

class Relay {
 public:
  Relay(sys::Fd pidfd, sys::UniqueFd& client, Ends ends)
      : pidfd_(pidfd), client_(client), ends_(std::move(ends)) {}

  void run(const std::function<void()>& on_end) {
    bool ended = false;
    while (!ended) {
      enum { process, client, output, error, input };
      std::array<pollfd, 5> polled{};
      polled[process] = {pidfd_.number(), POLLIN, 0};
      polled[client] = {client_.number(), static_cast<short>(has_to_tell() ? POLLOUT | POLLIN : POLLIN), 0};
      // What the client has not taken yet holds the container's output back, as a full pipe would.
      polled[output] = {pending_output_ ? -1 : output_fd().number(), POLLIN, 0};
      polled[error] = {pending_output_ ? -1 : ends_.error.number(), POLLIN, 0};
      polled[input] = {pending_input_.empty() ? -1 : input_fd().number(), POLLOUT, 0};
      if (::poll(polled.data(), polled.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw system_error("cannot poll");
      }
      if (polled[client].revents & POLLOUT) tell();
      if (client_ && polled[client].revents & (POLLIN | POLLHUP | POLLERR)) read_client();
      if (polled[input].revents) write_input();
      if (polled[output].revents) pass_output(output_fd(), Frame::Type::output);
      if (polled[error].revents && !pending_output_) pass_output(ends_.error, Frame::Type::error_output);
      ended = polled[process].revents != 0;
    }
    on_end();
    // Nobody is left in the container to write, so what is in the pipes is all there is.
    drain(output_fd(), Frame::Type::output);
    if (!ends_.terminal) drain(ends_.error, Frame::Type::error_output);
  }

 private:
  sys::Fd output_fd() const { return ends_.terminal ? ends_.terminal : ends_.output; }
  sys::Fd input_fd() const { return ends_.terminal ? ends_.terminal : ends_.input; }

  void drop_client() {
    client_.reset();
    pending_output_.reset();
    owes_input_taken_ = false;
    if (!ends_.terminal && pending_input_.empty()) ends_.input.reset();
    input_ends_ = true;
  }

  void read_client() {
    const auto frame = receive(client_);
    if (!frame) return drop_client();
    switch (frame->type) {
      case Frame::Type::input: pending_input_ = frame->payload; return write_input();
      case Frame::Type::input_end: return end_input();
      case Frame::Type::resize: return resize(frame->payload);
      case Frame::Type::signal: return signal(frame->payload);
      default: return drop_client();  // nonsense
    }
  }

  void end_input() {
    input_ends_ = true;
    if (ends_.terminal) pending_input_.push_back(end_of_transmission);
    write_input();
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
    if (input_ends_) {
      ends_.input.reset();
    } else if (client_) {
      owes_input_taken_ = true;
      tell();
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

  // False at the end of the stream.
  bool pass_output(sys::Fd from, Frame::Type type) {
    std::array<char, largest_payload> buffer;
    const ssize_t n = ::read(from.number(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) {
      if (type == Frame::Type::error_output)
        ends_.error.reset();
      else if (!ends_.terminal)
        ends_.output.reset();
      return false;
    }
    if (!client_) return true;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (!try_tell(type, bytes) && client_) pending_output_ = Frame{type, std::string(bytes)};
    return true;
  }

  bool has_to_tell() const { return pending_output_ || owes_input_taken_; }

  // False when the client takes nothing now, or is gone (and dropped).
  bool try_tell(Frame::Type type, std::string_view payload) {
    if (try_send(client_, type, payload)) return true;
    if (errno != EAGAIN && errno != ENOBUFS) drop_client();
    return false;
  }

  // What the client takes now; the rest waits until it takes more (POLLOUT).
  void tell() {
    if (pending_output_ && try_tell(pending_output_->type, pending_output_->payload)) pending_output_.reset();
    if (owes_input_taken_ && try_tell(Frame::Type::input_taken, {})) owes_input_taken_ = false;
  }

  void drain(sys::Fd from, Frame::Type type) {
    while (from.valid()) {
      if (pending_output_ && client_ && !send(client_, pending_output_->type, pending_output_->payload))
        drop_client();
      pending_output_.reset();
      pollfd readable{from.number(), POLLIN, 0};
      if (::poll(&readable, 1, 0) != 1 || !pass_output(from, type)) return;
    }
  }

  sys::Fd pidfd_;
  sys::UniqueFd& client_;
  Ends ends_;
  std::optional<Frame> pending_output_;
  std::string pending_input_;
  bool input_ends_ = false, owes_input_taken_ = false;
};

}  // namespace

void relay(sys::Fd pidfd, sys::UniqueFd& client, Ends ends, const std::function<void()>& on_end) {
  Relay(pidfd, client, std::move(ends)).run(on_end);
}

}  // namespace tare::monitor
