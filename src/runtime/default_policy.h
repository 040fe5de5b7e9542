// The system calls that a container may make when nobody says otherwise: docker's default policy, as a table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/seccomp_emitter.h"

namespace tare::runtime {

/// Instruction sets of 64-bit kernels: a rule may be for some only.
enum Abi : std::uint32_t { x86_64 = 1, x32 = 2, i386 = 4, aarch64 = 8, arm = 16, every_abi = 31 };

/// Calls by name, and when they are allowed. What several rules name is allowed by any of them.
struct PolicyRule {
  std::string_view names;          ///< separated by blanks
  std::uint64_t capabilities = 0;  ///< the container has one of these (bits); 0: it need not
  std::uint32_t abis = every_abi;
  std::span<const ArgumentTest> any_of = {};  ///< empty: whatever the arguments
  int refusal = 1;                            ///< errno where it is not allowed: EPERM
};

std::span<const PolicyRule> default_policy();

/// A number that a rule stands for in an ABI. The build looks the names up; sorted by architecture, number.
struct PolicyNumber {
  std::uint32_t architecture = 0;  ///< AUDIT_ARCH_…
  std::uint32_t number = 0;
  std::uint16_t rule = 0;  ///< index into default_policy()
};

/// The tables of the policy for a container with these capabilities. Calls past the newest that the policy
/// knows get ENOSYS, so that programs fall back on older ones; all others that no rule allows get EPERM.
std::vector<CallTable> make_call_tables(std::span<const PolicyNumber> numbers, std::uint64_t capabilities);

/// The capabilities that make a difference.
std::uint64_t capabilities_of_policy();

}  // namespace tare::runtime
