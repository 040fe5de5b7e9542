// The console socket of OCI runtimes: the caller listens on it, and gets the terminal's controlling side.
#pragma once

#include <string>

#include "sys/unique_fd.h"

namespace tare::runtime {

enum class Stay {
  until_end,   ///< the process has this one's own terminal or streams
  not_at_all,  ///< it lives on alone
};

/// Connected to it, or invalid where none is needed: a terminal whose process is not stayed with is the
/// caller's. Throws Error{invalid} when that does not fit together, and when nobody listens: before there is
/// a container.
sys::UniqueFd connect_console(const std::string& path, bool terminal, Stay stay);

/// One message: the descriptor, with a name as its text (what callers print; fewer than 4096 bytes).
void send_console(sys::Fd socket, sys::Fd console);

/// The same for a pidfd of the process, which any may ask for; "": invalid.
sys::UniqueFd connect_pidfd(const std::string& path);
enum class Entrance { standard, setns };  ///< a container's first process, or one that joined it
void send_pidfd(sys::Fd socket, sys::Fd pidfd, Entrance entrance);

/// A stream socket with who listens at `path`, of any length; `step` says what for, in errors.
sys::UniqueFd connect_to(const std::string& path, std::string_view step);

}  // namespace tare::runtime
