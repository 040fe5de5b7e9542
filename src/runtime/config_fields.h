// The two halves of config.json's reader: what every platform has, and what is Linux's own.
#pragma once

#include <span>

#include "base/json_node.h"
#include "oci/runtime_config.h"
#include "plan/names.h"

namespace tare::runtime {

/// The object "linux" (config-linux.md).
void read_linux(const json::Node& node, oci::RuntimeConfig& config);
/// The types of namespaces that can be asked for.
std::vector<std::string_view> known_namespaces();
/// A list of id mappings (config-linux.md, "User namespace mappings").
void read_mappings(const json::Node& node, std::vector<oci::IdMapping>& mappings);
/// The object "linux.resources", also by itself.
oci::Resources read_resources(const json::Node& node);
/// The object "process" (config.md, "Process").
void read_process(const json::Node& node, oci::Process& process);

/// The object "hooks" (config.md, "POSIX-platform Hooks").
void read_hooks(const json::Node& node, oci::Hooks& hooks);

/// The number of one of a table's names; others are refused, naming those that there are.
std::uint64_t read_name(const json::Node& node, std::span<const plan::Name> table);
/// A path without `.`, `..` and empty parts, as callers and other runtimes read it: what is checked by its
/// name must be what is meant. Whether it is absolute stays as it is.
std::string clean_path(std::string_view path);
/// A list of processors or memory nodes such as "0-3,8", as it stands (cpuset(7), "List format").
std::string read_number_list(const json::Node& node);

/// For a field of a table: known, and without it the container would be another one.
template <typename T>
void must_be_empty(const json::Node& node, T&) {
  if (!node.is_empty()) node.refuse_unsupported();
}

}  // namespace tare::runtime
