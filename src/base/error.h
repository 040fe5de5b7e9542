// Errors: what ends an operation. An Error is one sentence: what failed, while doing what, on which object,
// why, and what to do about it.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "base/recorder.h"

namespace tare {

/// What the caller can tell apart; a program's exit code follows from it (docs/architecture.md).
enum class ErrorKind {
  usage,           ///< the command line is wrong
  invalid,         ///< input (an archive, an option's value, a rootfs) is not acceptable
  not_found,       ///< the named object does not exist
  conflict,        ///< the object exists already or is in use
  unsupported,     ///< this kernel or machine lacks what was asked for
  not_executable,  ///< the container's command exists but cannot be run (exit code 126)
  no_command,      ///< the container's command does not exist (exit code 127)
  no_overlay,      ///< overlayfs is not to be had for this root file system
  system,          ///< the kernel refused
};

/// What a program exits with, as docker does: 127, 126, or 125 for all else.
constexpr int exit_code(ErrorKind kind) {
  return kind == ErrorKind::no_command ? 127 : kind == ErrorKind::not_executable ? 126 : 125;
}

/// Ends an operation. `what()` is the whole line: trail, text, errno's words, hint.
class Error : public std::exception {
 public:
  /// `error_number` is an errno value or 0; `hint` says what to do about it, without a full stop.
  explicit Error(ErrorKind kind, std::string text, int error_number = 0, std::string hint = {});

  const char* what() const noexcept override { return line_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }
  int error_number() const noexcept { return error_number_; }
  const std::string& text() const noexcept { return text_; }
  const std::string& hint() const noexcept { return hint_; }
  /// "mount /proc", outermost first.
  const std::vector<std::string>& trail() const noexcept { return trail_; }

 private:
  ErrorKind kind_;
  int error_number_;
  std::string text_, hint_, line_;
  std::vector<std::string> trail_;
};

/// Ends an operation whose failure another program has told the user about already.
struct Reported {
  int exit_code;
};

/// The kernel's refusal: `throw system_error("cannot open /etc/hosts")` takes errno as it is at the call.
Error system_error(std::string text, std::string hint = {});
Error system_error(int error_number, std::string text, std::string hint = {});

/// "No such file or directory" for ENOENT: strerror without its shared buffer.
std::string_view errno_words(int error_number);

/// A breadcrumb: while it lives, every Error thrown by this thread names it in its trail. A trace shows it as
/// an operation. Both views must outlive the Step.
class Step {
 public:
  explicit Step(std::string_view action, std::string_view object = {}) noexcept;
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  friend class Error;
  std::string_view action_, object_;
  Step* outer_;
  recorder::Span span_;
};

}  // namespace tare
