// Whatever `kill` is given, it is a signal that the kernel knows or an Error.
#include "sys/signals.h"

#include <cstdlib>

#include "base/error.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    const int signal = sys::parse_signal({reinterpret_cast<const char*>(data), size});
    if (signal < 1 || signal > 64) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
