#include "commands/trace_option.h"

#include <ctime>
#include <exception>
#include <fcntl.h>
#include <unistd.h>

#include "base/recorder.h"
#include "base/text.h"
#include "commands/commands.h"
#include "sys/file.h"
#include "trace/collect.h"
#include "trace/print.h"
#include "trace/svg.h"

namespace tare::commands {
namespace {

// Of the time before main the kernel tells how much of it was work: executing and linking this program.
std::int64_t time_used() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return used.tv_sec * 1'000'000'000 + used.tv_nsec;
}

std::string command_line() {
  std::string line = sys::try_read_file(sys::here, "/proc/self/cmdline").value_or("");
  while (line.ends_with('\0')) line.pop_back();
  for (char& c : line)
    if (c == '\0') c = ' ';
  return line;
}

}  // namespace

TraceOption::TraceOption(std::string file) : file_(std::move(file)), began_(recorder::now() - time_used()) {
  // Better known now than at the end. What it tells is not for everybody: the command line, and what is
  // written.
  if (!file_.empty()) open_file_ = sys::open_at(sys::here, file_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  recorder::switch_on();
  using Kind = recorder::Event::Kind;
  recorder::add({.kind = Kind::begin, .at = began_, .text = "execute tare, link it, read its command line"});
  recorder::add({.kind = Kind::end, .at = recorder::now()});
}

void TraceOption::write() const noexcept {
  try {
    const trace::Trace trace = trace::collect(command_line(), began_);
    const std::string text = file_.ends_with(".json")  ? trace::to_json(trace)
                             : file_.ends_with(".svg") ? trace::to_svg(trace)
                                                       : trace::to_text(trace);
    sys::write_all(file_.empty() ? sys::Fd(STDERR_FILENO) : sys::Fd(open_file_), text);
    if (!trace.is_complete)
      notify("the trace lacks calls of the kernel: there were more than its memory holds");
  } catch (const std::exception& error) {
    notify(std::string("the trace cannot be written: ") + error.what());
  }
}

}  // namespace tare::commands
