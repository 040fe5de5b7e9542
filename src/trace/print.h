// A trace for people, and with the same facts for programs.
#pragma once

#include <string>

#include "trace/trace.h"

namespace tare::trace {

/// All lanes in one, in the order in which things began: when, how long, who, what; beneath each operation,
/// behind a +,
/// the calls of the kernel that it made.
std::string to_text(const Trace& trace);

/// {"title", "wall", "covered", "complete", "lanes": [{"name", "process", "operations": [{"words", "begin",
/// "end", "depth", "waits", "calls": [{"name", "arguments", "result", "begin", "end"}...]}...]}...]}; times
/// in nanoseconds.
std::string to_json(const Trace& trace);

}  // namespace tare::trace
