// The namespaces that a process is in, and who else is.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "explain/container.h"
#include "sys/unique_fd.h"

namespace tare::explain {

/// Another container that runs: its name, and its first process's directory in /proc.
struct Neighbour {
  std::string name;
  sys::UniqueFd process;
};

/// `process` is a directory of /proc.
std::vector<Namespace> read_namespaces(sys::Fd process, const std::vector<Neighbour>& neighbours);

/// The text of /proc/PID/uid_map or gid_map (pure).
std::vector<oci::IdMapping> parse_id_map(std::string_view text);
/// "all ids are the host's own", or which are whose (pure).
std::string id_map_words(const std::vector<oci::IdMapping>& mappings);
/// The container's id for one of the host's; nullopt where it has none (pure).
std::optional<std::uint32_t> inner_id(const std::vector<oci::IdMapping>& mappings, std::uint32_t host);

}  // namespace tare::explain
