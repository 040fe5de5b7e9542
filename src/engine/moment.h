// Points in time as people write them: `--since 10m`, `--until 2024-02-29`.
#pragma once

#include <string_view>

#include "base/time.h"

namespace tare::engine {

/// As docker reads them: a duration before `now` ("10m", "1h30m", "1.5s"), RFC 3339, a date with or without a
/// time of day (local where no zone is given), or seconds since 1970 ("1700000000.25"). Throws
/// Error{invalid}.
Time parse_moment(std::string_view text, Time now);

}  // namespace tare::engine
