// From a container's limits to the cgroup files they are written to. Pure: plan_limits makes a list that
// Cgroup::apply carries out and that can be printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "cgroup/layout.h"
#include "oci/runtime_config.h"

namespace tare::cgroup {

struct Write {
  std::size_t hierarchy = 0;  ///< index in Layout::hierarchies
  std::string file;
  std::string value;
  std::string why;       ///< what it is for, as a user says it: "the memory limit"
  bool required = true;  ///< false: a kernel without the file does by itself what was asked for
  /// Where the kernel lacks `file`: another that does the same, and the value in its units; empty: none.
  std::string other_file, other_value;
};

/// What cannot be seen from the layout.
struct Facts {
  bool swap_accounting = true;
  /// v1, a cgroup that has limits already: its memory plus swap limit. The kernel keeps it from being smaller
  /// than the memory limit at all times, so it decides which one is written first.
  std::optional<Bytes> present_memory_swap;
};
/// `path`: of a cgroup that there is already; empty: of none.
Facts read_facts(const Layout& layout, const std::string& path = {});

/// The writes in the order the kernel accepts. Throws Error{unsupported} naming a limit that was asked for
/// and what is missing for it, Error{invalid} for limits that contradict each other. On v2 the rules about
/// devices are a program (attach_device_rules), not writes.
std::vector<Write> plan_limits(const Layout& layout, const oci::Resources& resources,
                               const Facts& facts = {});

/// Throws Error{invalid} when the limits of memory and of swap contradict each other.
void check_memory(const oci::Resources& resources);

/// The controllers without which plan_limits's list cannot be written.
std::vector<std::string> needed_controllers(const oci::Resources& resources);

/// v2's cpu.weight (1..10000, 100 is normal) for v1's cpu.shares (2..262144, 1024 is normal): the curve that
/// runc has since 1.3.2 and crun since 1.23, which keeps both ends and the normal value.
std::uint64_t weight_of_shares(std::uint64_t shares);

/// v2's io.weight (1..10000) for a block I/O weight of 10..1000: linear, as other runtimes have it.
std::uint64_t io_weight_of(std::uint16_t weight);

}  // namespace tare::cgroup
