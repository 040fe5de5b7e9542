// `tare stats`: what a running container uses.
#pragma once

#include <chrono>
#include <optional>

#include "cgroup/layout.h"
#include "cgroup/sample.h"
#include "engine/containers.h"

namespace tare::engine {

struct Reading {
  std::chrono::steady_clock::time_point when;
  cgroup::Sample sample;
  Bytes received = 0, sent = 0;  ///< over its own network; 0 with the host's
};

/// Of a container that does not run: nothing but the time.
Reading read_stats(const cgroup::Layout& layout, const Container& container);

/// CPU time between two readings, in percent of one CPU; nullopt where it is not known.
std::optional<double> cpu_percent(const Reading& before, const Reading& after);

/// The machine's memory, which limits those that have no limit of their own.
Bytes host_memory();

}  // namespace tare::engine
