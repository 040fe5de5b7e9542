// Whatever `exec --process` reads, it ends in the plan of a process or in an Error.
#include "base/error.h"
#include "runtime/config_json.h"
#include "runtime/make_plan.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    oci::RuntimeConfig config;
    config.namespaces = {{oci::NamespaceKind::mount, ""}, {oci::NamespaceKind::pid, ""}};
    config.process = runtime::parse_process({reinterpret_cast<const char*>(data), size});
    (void)runtime::make_exec_plan(config, {.capabilities = 0xa80425fb}, "fuzz");
  } catch (const Error&) {
  }
  return 0;
}
