// What most of the library includes: compiled once, for scripts/fuzz.
#include <algorithm>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
