// Whatever a format says, it ends in a text or in an Error.
#include "cli/template.h"

#include "base/error.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const json::value value = json::parse(
      R"({"Id": "0123456789ab", "Number": 42, "Real": 1.5, "Yes": true, "Nothing": null, "Args": ["sh", "-c"],
          "State": {"Pid": 1234}, "Labels": {"a": "1", "b": "2"}})");
  try {
    const cli::Template format({reinterpret_cast<const char*>(data), size});
    (void)format.asks_for("Id");
    (void)format.render(value,
                        [](std::string_view, std::string_view argument) { return std::string(argument); });
  } catch (const Error&) {
  }
  return 0;
}
