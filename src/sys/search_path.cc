#include "sys/search_path.h"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

#include "base/format.h"

namespace tare::sys {

bool is_in_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/bin:/usr/bin";
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    if (::access(format("{}/{}", directory.empty() ? "." : directory, program).c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

}  // namespace tare::sys
