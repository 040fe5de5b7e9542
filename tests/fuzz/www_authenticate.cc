// Whatever a registry asks for, it is read without harm: names and values have no control character that
// could end a header of ours.
#include "registry/www_authenticate.h"

#include <algorithm>
#include <cstdlib>

using namespace tare;

namespace {

void expect_harmless(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return c == '\n' || c == '\r' || c == '\0'; })) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::size_t length = 0;
  for (const auto& challenge : registry::parse_challenges({reinterpret_cast<const char*>(data), size})) {
    if (challenge.scheme.empty()) std::abort();
    expect_harmless(challenge.scheme);
    expect_harmless(challenge.token);
    length += challenge.scheme.size() + challenge.token.size();
    for (const auto& [name, value] : challenge.parameters) {
      expect_harmless(name);
      expect_harmless(value);
      length += name.size() + value.size();
    }
  }
  if (length > size) std::abort();
  return 0;
}
