// What a cgroup has used, in the shape and the words of runc's `events` (types/events.go), which go-runc
// decodes.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "cgroup/layout.h"

namespace tare::cgroup {

/// {cpu, cpuset, memory, pids, blkio, hugetlb}: nanoseconds and bytes; what this kernel does not count is
/// left out, or 0 where runc has the field always. No limit is the largest number the files say, on v2 2^64
/// - 1.
json::object read_statistics(const Layout& layout, const std::string& path);

/// "0-2,7" as [0,1,2,7] (cpuset(7), "List format"); stops at what is no number or above 65535.
json::array numbers_of_list(std::string_view text);
/// A pressure file (Documentation/accounting/psi.rst) as {"some": {"avg10", …, "total"}, "full": …}.
json::object pressure_of(std::string_view text);
/// "8:0 Read 4096" lines of v1 as [{"major", "minor", "op", "value"}].
json::array block_entries_of(std::string_view text);

}  // namespace tare::cgroup
