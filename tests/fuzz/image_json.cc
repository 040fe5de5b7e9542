// What a registry or an archive says an image is: any text is an index, a manifest, a configuration, or an
// Error; and what was understood comes through writing and reading again. The first byte says what it is
// taken for.
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "oci/image.h"

using namespace tare;

namespace {

template <typename Parse>
void check(Parse parse, std::string_view text) {
  std::string once;
  try {
    once = oci::to_text(parse(text));
  } catch (const Error&) {
    return;
  }
  if (oci::to_text(parse(once)) != once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: check(oci::parse_index, text); break;
    case 1: check(oci::parse_manifest, text); break;
    default: check(oci::parse_image_config, text);
  }
  return 0;
}
