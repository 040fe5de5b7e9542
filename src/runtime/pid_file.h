// The pid file that callers of OCI runtimes wait for.
#pragma once

#include <string>
#include <sys/types.h>

namespace tare::runtime {

/// The number in decimal digits without a line feed, which some callers cannot read; there as a whole or not
/// at all. An empty path: none is wanted.
void write_pid_file(const std::string& path, pid_t pid);

}  // namespace tare::runtime
