// What is done to a container after its start: stop, kill, wait, pause, rename. All throw Error{not_found}
// for a container there is not, and Error{conflict} where its state does not allow it.
#pragma once

#include <optional>
#include <string>

#include "engine/containers.h"
#include "engine/host.h"
#include "engine/start.h"

namespace tare::engine {

struct StopOptions {
  std::string signal;          ///< empty: the container's own stop signal
  std::optional<int> seconds;  ///< before SIGKILL, -1: wait for ever; nullopt: the container's own
};
/// Returns when the container has ended and is settled; no error when it had before.
void stop(const state::Place& place, const std::string& name_or_id, const StopOptions& options);
void restart(const state::Place& place, const std::string& name_or_id, const StopOptions& options,
             const Notify& notify);
/// Sends a signal to its first process. After SIGKILL it waits for the end.
void kill(const state::Place& place, const std::string& name_or_id, const std::string& signal);
/// Waits until it does not run; its exit code, 0 for one that never ran.
int wait(const state::Place& place, const std::string& name_or_id);
void pause(const state::Place& place, const std::string& name_or_id);
void unpause(const state::Place& place, const std::string& name_or_id);
void rename(const state::Place& place, const std::string& name_or_id, const std::string& name);

struct AttachOptions {
  bool input = true, passes_signals = true;
  std::string detach_keys;
};
/// Takes part in its streams until it ends or this client goes; the exit code.
int attach(const state::Place& place, const std::string& name_or_id, const AttachOptions& options,
           const Notify& notify);

}  // namespace tare::engine
