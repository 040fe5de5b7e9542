// AppArmor profiles and SELinux labels of containers, where the host has such security modules.
#pragma once

#include <cstdint>
#include <string>

#include "engine/run_options.h"
#include "engine/security_options.h"
#include "state/containers.h"

namespace tare::engine {

/// What the host has.
struct SecurityModules {
  bool apparmor = false;         ///< enabled
  bool default_profile = false;  ///< tare's own profile is in the kernel, or can be put there
  bool selinux = false;          ///< enabled
  std::string
      selinux_contexts;  ///< what its policy says of containers: the text of lxc_contexts; may be empty
};
SecurityModules read_security_modules();

/// The profile of a container's processes; empty: none. Throws Error{unsupported} for one that was asked for
/// where AppArmor is not enabled.
std::string choose_apparmor_profile(const SecurityOptions& options, bool privileged,
                                    const SecurityModules& modules);

inline constexpr const char* default_profile_name = "tare-default";
/// In the language of apparmor.d(5).
std::string default_profile_text();
bool default_profile_is_loaded();
/// Puts the profile into the kernel if it is not there, with apparmor_parser(8). Throws where that fails.
void load_default_profile();

/// Of a container's processes and of its own file systems; empty: none.
struct SelinuxLabels {
  std::string process, mount;
};
SelinuxLabels make_selinux_labels(const SecurityOptions& options, bool privileged,
                                  const SecurityModules& modules);
/// Where SELinux tells containers apart by their level and nobody asked for one, the container gets one that
/// no other container of this root has; as an option, so that it keeps it.
void choose_selinux_level(const state::Place& place, RunOptions& options, const SecurityModules& modules);
/// "s0:c1,c2" for every pair of two of 1024 categories, in some order; `number` below 523776.
std::string level_of(std::uint32_t number);

}  // namespace tare::engine
