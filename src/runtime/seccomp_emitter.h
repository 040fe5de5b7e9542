// Writes seccomp programs: from tables of system calls to the kernel's classic BPF. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace tare::runtime {

/// Whether an argument, with `mask`, lies from `low` to `high`; or, `negated`, does not.
struct ArgumentTest {
  std::uint32_t index = 0;
  std::uint64_t low = 0, high = low;
  std::uint64_t mask = ~std::uint64_t{0};
  bool negated = false;

  bool operator==(const ArgumentTest&) const = default;
};

/// An action is a SECCOMP_RET_… value (seccomp(2)).
struct Case {
  std::uint32_t action = 0;
  std::vector<ArgumentTest> all_of;

  bool operator==(const Case&) const = default;
};

/// What becomes of a call: the first case that holds says it.
struct Verdict {
  std::uint32_t action = 0;  ///< where no case holds
  std::vector<Case> cases;

  bool operator==(const Verdict&) const = default;
};

/// The calls of an architecture as the kernel tells them apart (AUDIT_ARCH_…).
struct CallTable {
  std::uint32_t architecture = 0;
  std::map<std::uint32_t, Verdict> from;  ///< number: the verdict from here up to the next; begins with 0
};

/// An instruction (struct sock_filter) in each number. Architectures without a table get `foreign`.
std::vector<std::uint64_t> emit_filter(const std::vector<CallTable>& tables, std::uint32_t foreign);

}  // namespace tare::runtime
