// Sets of processors and of memory nodes, as the kernel writes them (cpuset(7), "List format").
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tare::cgroup {

/// "0-2,8" as a bit mask, lowest byte first. Throws Error{invalid}.
std::vector<std::uint8_t> to_bit_mask(std::string_view list);

}  // namespace tare::cgroup
