#include "sys/random.h"

#include <sys/random.h>

#include "base/error.h"

namespace tare::sys {

std::string random_hex(std::size_t bytes) {
  std::string random(bytes, '\0'), text;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    throw system_error("cannot get random bytes");
  for (const char byte : random) {
    text.push_back("0123456789abcdef"[static_cast<unsigned char>(byte) >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

}  // namespace tare::sys
