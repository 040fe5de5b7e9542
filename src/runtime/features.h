// What this runtime can be asked for (runtime-spec, features.md, features-linux.md).
#pragma once

#include "base/json.h"

namespace tare::runtime {

/// Lists are those of the tables that the configuration is read by; of what is either carried out or refused,
/// the reader itself is asked.
json::object describe_features();

}  // namespace tare::runtime
