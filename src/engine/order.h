// From a container's definition to what its monitor is told: facts gathered, config made, plan made.
#pragma once

#include "engine/container_config.h"
#include "engine/definition.h"
#include "engine/host.h"
#include "monitor/launch.h"

namespace tare::engine {

/// The text of the seccomp profile that the options name, so that a later start does not need the file.
void read_seccomp_profile(RunOptions& options);

/// Where the container's root comes from this time.
oci::Root root_of(const Definition& definition, const HostPath& directory);

/// What the config depends on. `root` is where the container's users are looked up: its layers, or the
/// root of one that runs; invalid: nowhere.
ContainerFacts gather_facts(const Host& host, const ContainerId& id, const HostPath& directory,
                            const Definition& definition, sys::Fd root);
/// What only a start needs, and what may be gone when it comes: the nodes of devices, the namespaces of other
/// containers. Throws what is wrong with them.
void add_start_facts(const state::Place& place, const RunOptions& options, ContainerFacts& facts);
/// Where a plain user's systemd makes the container's cgroup; nullopt for root, and where there is none.
std::optional<cgroup::Unit> scope_of(const Host& host, const RunOptions& options, const ContainerId& id);
/// What the layers show together; invalid when that is missing, as in a plan, or not to be had.
sys::UniqueFd try_open_layers(const Definition& definition, const HostPath& directory);

/// The order without what the starting command wants of the streams.
monitor::Order make_order(const state::Place& place, const state::Record& record, const Host& host,
                          const Definition& definition, const oci::RuntimeConfig& config);

}  // namespace tare::engine
