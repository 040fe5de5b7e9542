// Whatever the document, it is read or refused with an Error; and what is read can be planned or is refused.
#include "runtime/config_json.h"

#include "base/error.h"
#include "runtime/make_plan.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    const auto config = runtime::parse_config({reinterpret_cast<const char*>(data), size});
    (void)runtime::make_plan(config, {}, "fuzz");
  } catch (const Error&) {
  }
  return 0;
}
