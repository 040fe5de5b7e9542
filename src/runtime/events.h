// events: what a container uses, and when the kernel ended a process of it for want of memory; as runc tells
// it (types/events.go).
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/json.h"
#include "base/types.h"

namespace tare::runtime {

/// {"type": "stats", "id", "data"}. Throws Error{not_found}, or Error{conflict} "container with id ID is not
/// running".
json::object statistics_event(const HostPath& root, const std::string& id);

/// Tells of statistics at each interval and {"type": "oom", "id"} when it happens, until the container ends.
/// Throws as above.
void watch_events(const HostPath& root, const std::string& id, std::chrono::nanoseconds interval,
                  const std::function<void(const json::object& event)>& tell);

}  // namespace tare::runtime
