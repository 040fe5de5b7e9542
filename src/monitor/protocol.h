// What a container's monitor and an attached client say to each other: one frame a packet on a SOCK_SEQPACKET
// socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/unique_fd.h"

namespace tare::monitor {

struct Frame {
  enum class Type : std::uint8_t {
    // from the client
    input,      ///< bytes for the container; the next ones may follow after input_taken
    input_end,  ///< no more input
    resize,     ///< payload: rows columns
    signal,     ///< payload: a signal's number; before `started`, the container is given up for it
    // from the monitor
    started,       ///< the container's command runs
    failed,        ///< it never will; payload: the error's kind, a space, its line
    output,        ///< bytes of standard output, or of the terminal
    error_output,  ///< bytes of standard error
    input_taken,   ///< the last input frame went into the container
    ended,  ///< payload: exit code, 1 or 0 for "out of memory", a space each, then what there is to say about
            ///< it
  };
  Type type{};
  std::string payload;
};

inline constexpr std::size_t largest_payload = 32 << 10;

/// Waits until the frame is sent; false when the other side is gone.
bool send(sys::Fd socket, Frame::Type type, std::string_view payload = {});
/// False when it would have to wait (errno EAGAIN) or the other side is gone.
bool try_send(sys::Fd socket, Frame::Type type, std::string_view payload = {}) noexcept;
/// Waits for a frame; nullopt when the other side is gone.
std::optional<Frame> receive(sys::Fd socket);

}  // namespace tare::monitor
