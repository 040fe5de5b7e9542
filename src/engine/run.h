// `tare run`: from options to exit code.
#pragma once

#include <functional>
#include <string>

#include "engine/run_options.h"
#include "state/containers.h"

namespace tare::engine {

/// What a person should know and the container does not need to fail for: one line each.
using Notify = std::function<void(const std::string& line)>;

/// Runs the container to its end, or until this client must stop, and returns the exit code as docker does.
/// Throws what keeps it from starting.
int run(const state::Place& place, RunOptions options, const Notify& notify);

/// What `run` would do, in order; touches nothing.
std::string plan(const state::Place& place, RunOptions options);

}  // namespace tare::engine
