#include "oci/platform.h"

#include <algorithm>
#include <iterator>
#include <sys/utsname.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::oci {
namespace {

// What machines are called: by uname(2) and by people, and by Go.
struct Machine {
  std::string_view name;
  Platform platform;
};
const Machine* find_machine(std::string_view name) {
  static const Machine machines[] = {
      {"x86_64", {"linux", "amd64", ""}},    {"amd64", {"linux", "amd64", ""}},
      {"aarch64", {"linux", "arm64", ""}},   {"arm64", {"linux", "arm64", ""}},
      {"armv7l", {"linux", "arm", "v7"}},    {"armhf", {"linux", "arm", "v7"}},
      {"armv6l", {"linux", "arm", "v6"}},    {"armel", {"linux", "arm", "v6"}},
      {"arm", {"linux", "arm", ""}},         {"i386", {"linux", "386", ""}},
      {"i686", {"linux", "386", ""}},        {"386", {"linux", "386", ""}},
      {"ppc64le", {"linux", "ppc64le", ""}}, {"s390x", {"linux", "s390x", ""}},
      {"riscv64", {"linux", "riscv64", ""}}, {"loongarch64", {"linux", "loong64", ""}},
      {"loong64", {"linux", "loong64", ""}}, {"mips64", {"linux", "mips64le", ""}},
  };
  const auto found = std::ranges::find(machines, name, &Machine::name);
  return found == std::end(machines) ? nullptr : found;
}

}  // namespace

std::string text_of(const Platform& platform) {
  return platform.os + "/" + platform.architecture + (platform.variant.empty() ? "" : "/" + platform.variant);
}

Platform own_platform() {
  utsname names{};
  ::uname(&names);
  const Machine* machine = find_machine(names.machine);
  return machine ? machine->platform : Platform{"linux", names.machine, ""};
}

Platform parse_platform(std::string_view text) {
  const auto first = text.find('/');
  const auto bad = [&] {
    throw Error(ErrorKind::invalid, format("invalid platform: \"{}\"", text), 0,
                "as in linux/amd64 or linux/arm64/v8");
  };
  const auto is_part = [](std::string_view word) {
    return !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == word.npos;
  };
  if (first == text.npos) {
    const Machine* machine = find_machine(text);
    if (machine) return machine->platform;
    if (text != "linux") bad();
    return own_platform();
  }
  Platform platform{.os = std::string(text.substr(0, first)), .architecture = {}, .variant = {}};
  const std::string_view rest = text.substr(first + 1);
  const auto second = rest.find('/');
  const Machine* machine = find_machine(rest.substr(0, second));
  platform.architecture = machine ? machine->platform.architecture : rest.substr(0, second);
  if (second != rest.npos)
    platform.variant = rest.substr(second + 1);
  else if (machine)
    platform.variant = machine->platform.variant;
  if (!is_part(platform.os) || !is_part(platform.architecture) ||
      (second != rest.npos && !is_part(platform.variant)))
    bad();
  return platform;
}

bool fits(const Platform& offered, const Platform& wanted) {
  const auto variant = [](const Platform& platform) {
    return platform.architecture == "arm64" && platform.variant.empty() ? std::string("v8")
                                                                        : platform.variant;
  };
  return offered.os == wanted.os && offered.architecture == wanted.architecture &&
         (wanted.variant.empty() || offered.variant.empty() || variant(offered) == variant(wanted));
}

}  // namespace tare::oci
