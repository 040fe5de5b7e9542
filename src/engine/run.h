// `tare run`: from options to exit code.
#pragma once

#include <string>

#include "engine/host.h"
#include "engine/run_options.h"
#include "plan/document.h"
#include "state/containers.h"

namespace tare::engine {

struct RunResult {
  int exit_code = 0;  ///< as docker's
  ContainerId id;
  bool started = false;
};

/// Runs the container to its end, or until this client must stop; a detached one until its command runs.
/// Throws what keeps it from being made; what keeps it from starting is told.
RunResult run(const state::Place& place, RunOptions options, const std::string& detach_keys,
              const Notify& notify);

/// What `run` would do, in order; touches nothing.
plan::Document plan(const state::Place& place, RunOptions options);

}  // namespace tare::engine
