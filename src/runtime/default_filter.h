// The default policy as a seccomp program.
#pragma once

#include <cstdint>
#include <linux/capability.h>
#include <span>
#include <vector>

#include "runtime/default_policy.h"

namespace tare::runtime {

/// What a container has that asks for nothing.
inline constexpr std::uint64_t usual_capabilities = [] {
  std::uint64_t set = 0;
  for (const int capability :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
        CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP})
    set |= std::uint64_t{1} << capability;
  return set;
}();

/// Written while tare is built (programs/policy-generator): the policy's calls, and the program for the usual
/// capabilities.
std::span<const PolicyNumber> policy_numbers();
std::span<const std::uint64_t> usual_filter();

/// For a container with these capabilities: an instruction (struct sock_filter) in each number.
std::vector<std::uint64_t> default_filter(std::uint64_t capabilities);

/// How many of the machine's own calls it allows, some of them not with all arguments.
std::size_t count_allowed_calls(std::uint64_t capabilities);

}  // namespace tare::runtime
