// Who answers for the calls that a seccomp profile asks about (config-linux.md, "seccomp.listenerPath").
#pragma once

#include <string_view>

#include "oci/runtime_config.h"
#include "runtime/container.h"

namespace tare::runtime {

/// The container's part of what a listener is told (config-linux.md, "The Container Process State").
struct ListenerSubject {
  std::string id, bundle;
  std::string_view status;  ///< "creating", of a further process "running"
  pid_t pid = 0;            ///< of the container's first process; 0: it is the one that is filtered
};

/// Connects to the listener of the profile, if it has one, and passes the filter's descriptor on when it
/// comes. Throws Error naming the socket.
Container::WhenFiltered reach_listener(const oci::RuntimeConfig& config, ListenerSubject subject);

}  // namespace tare::runtime
