// A defined container's start, and what the command that starts it sees of it.
#pragma once

#include <string>
#include <vector>

#include "engine/attach.h"
#include "engine/create.h"

namespace tare::engine {

/// How the command that started a container ends.
struct Result {
  int exit_code = 0;
  bool started = false;  ///< the container's command ran
};

/// What is to be started, whoever is responsible for it.
struct Startable {
  state::Record& record;
  Definition& definition;
  const HostPath& directory;
  state::Lock& lock;
};

/// Starts the container and stays with it as `attachment` says; a failure to start is told and its exit code
/// returned. From then on the container is settled, or its monitor's.
Result start(const state::Place& place, Startable container, const Host& host, const Attachment& attachment,
             const Notify& notify);

struct StartOptions {
  bool attaches = false, interactive = false;
  std::string detach_keys;
};
/// `tare start NAME`: one that was created or has ended; nothing happens to one that runs.
Result start(const state::Place& place, const std::string& name_or_id, const StartOptions& options,
             const Notify& notify);

}  // namespace tare::engine
