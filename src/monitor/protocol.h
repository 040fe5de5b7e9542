// What a container's monitor and its clients say to each other: one frame a packet on a SOCK_SEQPACKET
// socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

struct Frame {
  enum class Type : std::uint8_t {
    // from a client
    attach,     ///< payload: the Wish of a client that connected; until then it hears `ended` only
    input,      ///< bytes for the container; the next ones may follow after input_taken
    input_end,  ///< no more input
    resize,     ///< payload: rows columns
    signal,     ///< payload: a signal's number; before `started`, the container is given up for it
    pause,      ///< freeze the container; answered by `done` or `failed`
    unpause,    ///< the same
    rename,     ///< payload: the new name; the same
    // from the monitor
    started,       ///< the container's command runs
    failed,        ///< it never will, or what was asked for was not done; payload: see failure_payload
    done,          ///< what was asked for was done
    output,        ///< bytes of standard output, or of the terminal
    error_output,  ///< bytes of standard error
    input_taken,   ///< the last input frame went into the container
    ended,  ///< payload: exit code, 1 or 0 for "out of memory", a space each, then what there is to say about
            ///< it
  };
  Type type{};
  std::string payload;
};

/// What a client wants of the container's streams.
struct Wish {
  bool input = false, output = false;
};
std::string to_payload(Wish wish);
Wish parse_wish(std::string_view payload);

/// The error's kind, a space, its line.
std::string failure_payload(const Error& error);
/// nullopt: nonsense.
struct Failure {
  ErrorKind kind;
  std::string line;
};
std::optional<Failure> parse_failure(const std::string& payload);

inline constexpr std::size_t largest_payload = 32 << 10;

/// Waits until the frame is sent; false when the other side is gone.
bool send(sys::Fd socket, Frame::Type type, std::string_view payload = {});
/// False when it would have to wait (errno EAGAIN) or the other side is gone.
bool try_send(sys::Fd socket, Frame::Type type, std::string_view payload = {}) noexcept;
/// Waits for a frame; nullopt when the other side is gone.
std::optional<Frame> receive(sys::Fd socket);

}  // namespace tare::monitor
