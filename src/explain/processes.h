// The processes of a container, as seen from outside and from inside.
#pragma once

#include <string_view>
#include <vector>

#include "explain/container.h"

namespace tare::explain {

/// Those that have ended meanwhile are left out.
std::vector<Process> read_processes(const std::vector<int>& pids,
                                    const std::vector<oci::IdMapping>& uid_mappings);

/// The texts of /proc/PID/status and cmdline; nullopt: the first says nothing (pure).
std::optional<Process> parse_process(std::string_view status, std::string_view command_line);

}  // namespace tare::explain
