// What the runtime sets of a container's process while that waits: it may, where the process itself may not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "plan/program.h"

namespace tare::runtime {

/// Lets it take a limit (`hard`, of a resource of getrlimit(2)) that its own user namespace has no right to.
/// Where that right is missing here, too, the process says so when it comes to the limit.
void raise_hard_limit(pid_t pid, int resource, std::uint64_t hard);
/// `list` as of cpuset(7), of the field that is named in the error; 0 is the caller.
void use_processors(pid_t pid, const std::string& list, std::string_view field);
/// Throws Error naming the field of config.json that the kernel does not take.
void set_from_outside(pid_t pid, const plan::Settings& settings);

}  // namespace tare::runtime
