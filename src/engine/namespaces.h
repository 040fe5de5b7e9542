// Whose namespaces a container is in: `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--network container:NAME`.
#pragma once

#include <string>
#include <vector>

#include "engine/run_options.h"
#include "oci/runtime_config.h"
#include "state/containers.h"

namespace tare::engine {

/// "", "host", "private", "container:NAME" and so on, as far as the kind allows it (pure). Throws
/// Error{invalid} in docker's words.
NamespaceChoice parse_namespace(oci::NamespaceKind kind, const std::string& text);
/// The same words again, as `inspect` shows them.
std::string to_text(const NamespaceChoice& choice);

/// What containers that run lend to one that is started.
struct Borrowed {
  std::vector<oci::Namespace> namespaces;  ///< with the paths of existing ones
  std::string shm_owner;                   ///< the mount namespace whose /dev/shm is shown; empty: none
  HostPath etc_directory;                  ///< whose /etc files are shown; empty: its own
  std::string hostname;                    ///< of the container whose network it is in
};

/// Finds the containers that are named. Throws Error{not_found}, or Error{conflict} for one that does not
/// run.
Borrowed borrow_namespaces(const state::Place& place, const RunOptions& options);

/// The namespaces that the options ask for (pure); those of other containers by their paths in `borrowed`.
std::vector<oci::Namespace> choose_namespaces(const RunOptions& options, const Borrowed& borrowed);

/// Throws Error{invalid} for choices that contradict each other (pure).
void check_namespaces(const RunOptions& options);

}  // namespace tare::engine
