#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace tare {
namespace {

constinit thread_local Step* innermost_step = nullptr;

}  // namespace

Step::Step(std::string_view action, std::string_view object) noexcept
    : action_(action), object_(object), outer_(innermost_step), span_(action, object) {
  innermost_step = this;
}

Step::~Step() { innermost_step = outer_; }

Error::Error(ErrorKind kind, std::string text, int error_number, std::string hint)
    : kind_(kind), error_number_(error_number), text_(std::move(text)), hint_(std::move(hint)) {
  for (const Step* step = innermost_step; step; step = step->outer_) {
    std::string crumb(step->action_);
    if (!step->object_.empty()) crumb.append(" ").append(step->object_);
    trail_.insert(trail_.begin(), std::move(crumb));
  }
  for (const auto& crumb : trail_) line_.append(crumb).append(": ");
  line_.append(text_);
  if (error_number_ != 0) line_.append(": ").append(errno_words(error_number_));
  if (!hint_.empty()) line_.append(" (").append(hint_).append(")");
  // One line, whatever a path or a name contains.
  for (char& c : line_)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
}

Error system_error(int error_number, std::string text, std::string hint) {
  return Error(ErrorKind::system, std::move(text), error_number, std::move(hint));
}

Error system_error(std::string text, std::string hint) {
  return system_error(errno, std::move(text), std::move(hint));
}

std::string_view errno_words(int error_number) {
  const char* words = strerrordesc_np(error_number);
  return words ? words : "unknown error";
}

}  // namespace tare

// In place of the C++ library's own, which names what was thrown and brings 47 KB along for it. Nothing is
// thrown past main.
namespace __gnu_cxx {                 // NOLINT(bugprone-reserved-identifier)
void __verbose_terminate_handler() {  // NOLINT(bugprone-reserved-identifier)
  constexpr std::string_view words = "an error where none can be: this is a bug\n";
  (void)!::write(STDERR_FILENO, words.data(), words.size());
  std::abort();
}
}  // namespace __gnu_cxx
