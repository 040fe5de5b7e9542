// What a container has from outside of itself, which no checkpoint can hold: mounts of the host's files,
// namespaces that it shares, the streams that it was started with. A checkpoint names them; a restoration
// gives them anew.
#pragma once

#include <string>
#include <vector>

#include "oci/runtime_config.h"
#include "runtime/criu.h"
#include "runtime/make_plan.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

struct OutsideMount {
  std::string name;    ///< its place in the container
  std::string source;  ///< what of the host is there
};

/// By the container's plan. Throws Error{unsupported} for a mount that a restoration could not make again.
std::vector<OutsideMount> outside_mounts(const oci::RuntimeConfig& config, const HostFacts& facts,
                                         const std::string& id);

/// Tells criu which of the namespaces of `pid` are not the container's own.
void name_outside_namespaces(Criu& criu, const oci::RuntimeConfig& config, pid_t pid);
/// Gives criu those that the config names; they stay open as long as the result.
std::vector<sys::UniqueFd> give_outside_namespaces(Criu& criu, const oci::RuntimeConfig& config);

/// Writes down what the standard streams of `pid` are, where other runtimes look for it, too:
/// descriptors.json.
void note_streams(const HostPath& images, pid_t pid);
/// Gives criu this process's own in their place, where they were pipes.
void give_streams(Criu& criu, const HostPath& images);

}  // namespace tare::runtime
