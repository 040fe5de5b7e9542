// What a process may do: capabilities, seccomp, labels, limits of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "explain/container.h"
#include "sys/unique_fd.h"

namespace tare::explain {

/// `process` is a directory of /proc; `policy` what our record says of its system calls.
Rights read_rights(sys::Fd process, const std::string& policy);

/// The text of /proc/PID/status (pure).
oci::Capabilities parse_capabilities(std::string_view status);
/// Those of the text of /proc/PID/limits that are otherwise in the other text (pure).
std::vector<ResourceLimit> compare_limits(std::string_view limits, std::string_view host_limits);

}  // namespace tare::explain
