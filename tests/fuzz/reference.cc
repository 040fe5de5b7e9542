// Names of images: any text is a name or an Error, and a name is the same when it is read again, whole or
// short.
#include "oci/reference.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "oci/platform.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const oci::Reference reference = oci::parse_reference(text);
    if (oci::parse_reference(reference.text()) != reference) std::abort();
    if (oci::parse_reference(reference.short_text()) != reference) std::abort();
    if (reference.path.find("..") != std::string::npos || reference.text().find('\0') != std::string::npos)
      std::abort();
  } catch (const Error&) {
  }
  try {
    const oci::Platform platform = oci::parse_platform(text);
    if (oci::parse_platform(oci::text_of(platform)) != platform) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
