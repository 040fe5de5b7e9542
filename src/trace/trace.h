// A traced run: what each of tare's processes did, how long it took, and which calls of the kernel it was
// made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tare::trace {

/// Times are nanoseconds since the run began.
struct Call {
  std::string name, arguments, result;  ///< as strace(1) writes them
  std::int64_t begin = 0, end = 0;
};

struct Operation {
  std::string words;
  std::int64_t begin = 0, end = 0;
  int depth = 0;       ///< one that is a part of another one is one deeper and stands behind it
  bool waits = false;  ///< for another lane, without work of its own
  std::vector<Call> calls;
};

struct Lane {
  std::string name;  ///< "tare", "monitor", "tare-init"
  int process = 0;
  std::vector<Operation> operations;  ///< in the order in which they began
};

struct Trace {
  std::string title;  ///< the command line
  std::int64_t wall = 0;
  std::vector<Lane> lanes;
  bool is_complete = true;  ///< false: there were more calls of the kernel than the record had room for
};

}  // namespace tare::trace
