// The two halves of config.json's reader: what every platform has, and what is Linux's own.
#pragma once

#include "base/json_node.h"
#include "oci/runtime_config.h"

namespace tare::runtime {

/// The object "linux" (config-linux.md).
void read_linux(const json::Node& node, oci::RuntimeConfig& config);
/// The types of namespaces that can be asked for.
std::vector<std::string_view> known_namespaces();
/// The object "linux.resources", also by itself.
oci::Resources read_resources(const json::Node& node);
/// The object "process" (config.md, "Process").
void read_process(const json::Node& node, oci::Process& process);

/// The object "hooks" (config.md, "POSIX-platform Hooks").
void read_hooks(const json::Node& node, oci::Hooks& hooks);

/// For a field of a table: known, and without it the container would be another one.
template <typename T>
void must_be_empty(const json::Node& node, T&) {
  if (!node.is_empty()) node.refuse_unsupported();
}

}  // namespace tare::runtime
