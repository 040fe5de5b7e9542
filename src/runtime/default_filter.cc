#include "runtime/default_filter.h"

#include <linux/seccomp.h>

namespace tare::runtime {

std::vector<std::uint64_t> default_filter(std::uint64_t capabilities) {
  const std::uint64_t relevant = capabilities_of_policy();
  if ((capabilities & relevant) == (usual_capabilities & relevant))
    return {usual_filter().begin(), usual_filter().end()};
  return emit_filter(make_call_tables(policy_numbers(), capabilities), SECCOMP_RET_KILL_PROCESS);
}

std::size_t count_allowed_calls(std::uint64_t capabilities) {
  const std::uint32_t own_architecture = policy_numbers().front().architecture;
  std::size_t count = 0;
  std::uint32_t last = ~std::uint32_t{0};
  for (const auto& one : policy_numbers()) {
    if (one.architecture != own_architecture || one.number > 0xffff || one.number == last) continue;
    const PolicyRule& rule = default_policy()[one.rule];
    if (rule.capabilities != 0 && !(rule.capabilities & capabilities)) continue;
    last = one.number;
    count++;
  }
  return count;
}

}  // namespace tare::runtime
