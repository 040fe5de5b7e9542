// Whatever a seccomp profile says, it ends in a program or in an Error.
#include "engine/seccomp_profile.h"

#include "base/error.h"
#include "runtime/seccomp_profile.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    const oci::Seccomp profile =
        engine::parse_profile({reinterpret_cast<const char*>(data), size},
                              {.capabilities = 0xa80425fb, .architecture = "amd64", .kernel = "6.1.0"});
    (void)runtime::compile_profile(profile);
  } catch (const Error&) {
  }
  return 0;
}
