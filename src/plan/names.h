// The kernel's numbers by name: namespaces, mount attributes, capabilities, resource limits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tare::plan {

std::vector<std::string> namespace_names(std::uint64_t clone_flags);
std::vector<std::string> mount_attribute_names(std::uint64_t attributes);
/// "slave" for MS_REC | MS_SLAVE (mount(2)).
std::string_view propagation_name(std::uint64_t flags);
/// "CHOWN" for bit 0 and so on.
std::vector<std::string> capability_names(std::uint64_t set);
/// The bit's number for a name such as "CHOWN" (capital letters, no CAP_ in front).
std::optional<int> capability_number(std::string_view name);
/// Every capability that a kernel could have.
std::uint64_t every_capability();
/// A kernel's number and what the runtime-spec calls it.
struct Name {
  std::uint64_t number;
  std::string_view name;
};
extern const std::span<const Name> scheduler_policies, scheduler_flags;  ///< of sched_setattr(2)
extern const std::span<const Name> io_classes;                           ///< of ioprio_set(2)
extern const std::span<const Name> memory_modes, memory_mode_flags;      ///< of set_mempolicy(2)
extern const std::span<const Name> personalities;                        ///< of personality(2)
std::string_view name_of(std::span<const Name> table, std::uint64_t number);
std::optional<std::uint64_t> number_of(std::span<const Name> table, std::string_view name);
std::vector<std::string> names_of_bits(std::span<const Name> table, std::uint64_t bits);

/// "nofile" for RLIMIT_NOFILE; the numbers are those of getrlimit(2).
std::string_view rlimit_name(int resource);
std::optional<int> rlimit_number(std::string_view name);
std::vector<std::string_view> rlimit_names();

}  // namespace tare::plan
