#include "engine/capabilities.h"

#include <linux/capability.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "plan/names.h"

namespace tare::engine {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// What docker gives a container that asks for nothing.
constexpr std::uint64_t standard =
    bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_KILL) |
    bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETPCAP) | bit(CAP_NET_BIND_SERVICE) | bit(CAP_NET_RAW) |
    bit(CAP_SYS_CHROOT) | bit(CAP_MKNOD) | bit(CAP_AUDIT_WRITE) | bit(CAP_SETFCAP);

// "cap_net_admin", "NET_ADMIN" → "NET_ADMIN".
std::string plain_name(std::string name) {
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (name.starts_with("CAP_")) name.erase(0, 4);
  return name;
}

struct Named {
  bool all = false;
  std::uint64_t set = 0;  ///< those named one by one
};

Named read_names(std::string_view option, const std::vector<std::string>& names) {
  Named named;
  for (const auto& given : names) {
    const std::string name = plain_name(given);
    if (name == "ALL") {
      named.all = true;
    } else {
      const auto number = plan::capability_number(name);
      if (!number)
        throw Error(ErrorKind::invalid, format("invalid {}: unknown capability: \"CAP_{}\"", option, name));
      named.set |= bit(*number);
    }
  }
  return named;
}

Named added(const RunOptions& options) { return read_names("CapAdd", options.capabilities_added); }
Named dropped(const RunOptions& options) { return read_names("CapDrop", options.capabilities_dropped); }

}  // namespace

void check_capability_names(const RunOptions& options) {
  (void)added(options);
  (void)dropped(options);
}

std::uint64_t choose_capabilities(const RunOptions& options, bool devices_are_filtered,
                                  std::uint64_t available) {
  available &= plan::every_capability();
  if (options.privileged) return available;
  const Named add = added(options), drop = dropped(options);
  if (const std::uint64_t lacking = add.set & ~available; lacking != 0)
    throw Error(ErrorKind::unsupported,
                format("invalid CapAdd: capability not supported by your kernel or not available in the "
                       "current environment: \"CAP_{}\"",
                       plan::capability_names(lacking).front()));
  // Docker's algebra: ALL added wins over ALL dropped, and one that is named in both is there.
  if (add.all) return available & ~drop.set;
  if (drop.all) return add.set;
  // Where the use of devices cannot be limited, a container that did not ask must not be able to make their
  // nodes.
  const std::uint64_t given = devices_are_filtered ? standard : standard & ~bit(CAP_MKNOD);
  return (given & available & ~drop.set) | add.set;
}

// Nothing inheritable, nothing ambient (CVE-2022-24769). Another user than root has lost all after the exec
// (capabilities(7)); kept until then, CAP_DAC_OVERRIDE would run what that user may not.
oci::Capabilities make_capabilities(std::uint64_t set, std::uint32_t uid) {
  const std::uint64_t own = uid == 0 ? set : 0;
  return {.bounding = set, .effective = own, .permitted = own, .inheritable = 0, .ambient = 0};
}

}  // namespace tare::engine
