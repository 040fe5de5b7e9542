// The words of the runtime-spec's seccomp (config-linux.md) as the kernel's numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json_node.h"
#include "oci/runtime_config.h"
#include "runtime/seccomp_emitter.h"

namespace tare::runtime {

/// Who listens decides (seccomp_unotify(2)).
inline constexpr std::string_view notify_action = "SCMP_ACT_NOTIFY";
/// SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, of Linux 5.19; without a listener the kernel refuses it.
inline constexpr std::uint64_t wait_killable = 1 << 5;
bool has_notifications(const oci::Seccomp& profile);

/// SECCOMP_RET_…; `error_number` is what ERRNO and TRACE take along. nullopt: unknown, or not carried out.
std::optional<std::uint32_t> try_action(std::string_view name, std::optional<std::uint32_t> error_number);
/// SECCOMP_FILTER_FLAG_…
std::optional<std::uint64_t> try_flag(std::string_view name);
/// nullopt: an unknown operator. A test that cannot hold has `low` above `high`.
std::optional<ArgumentTest> try_test(const oci::SeccompArgument& argument);

/// What the tables of this reader have.
std::vector<std::string_view> known_actions();
std::vector<std::string_view> known_operators();
std::vector<std::string_view> known_flags();

/// Readers of single fields, the same in config.json and in docker's profiles: the words are known ones, or
/// Error names the field.
std::string read_action(const json::Node& node);
std::string read_operator(const json::Node& node);
std::vector<std::string> read_flags(const json::Node& node);
std::vector<std::string> read_architectures(const json::Node& node);
std::uint32_t read_error_number(const json::Node& node);
std::vector<oci::SeccompArgument> read_arguments(const json::Node& node);

}  // namespace tare::runtime
