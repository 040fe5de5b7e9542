// Volumes as a user knows them: made for containers, listed, inspected, removed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/run_options.h"
#include "plan/document.h"
#include "state/containers.h"
#include "store/rootfs.h"
#include "store/volumes.h"

namespace tare::engine {

/// Adds what the containers of `--volumes-from` have bound: their volumes and places of the host's. What the
/// user mounts in the same place comes first. Throws Error{not_found}.
void add_volumes_from(const state::Place& place, RunOptions& options);

/// Of a container that is claimed and not started yet: its volumes are there and its own, and those that are
/// empty have what the root file system has in their place; their binds have a source.
void prepare_volumes(const state::Place& place, const ContainerId& id, const store::Rootfs& rootfs,
                     RunOptions& options);

/// What prepare_volumes would do; gives binds their source.
/// `rootfs`: nullptr where it is not known yet.
std::vector<plan::HostStep> plan_volumes(const state::Place& place, const ContainerId& id,
                                         const store::Rootfs* rootfs, RunOptions& options);

/// "key" or "key=value", which a volume can be told by.
using Labels = std::map<std::string, std::string>;
Labels label_map(const std::vector<std::string>& texts);

/// The name that it got; an empty one is made up, and the volume is anonymous. One that is there stays as it
/// is.
std::string create_volume(const state::Place& place, const std::string& name, const Labels& labels);

/// The values of `--filter`, each KEY=VALUE (or label!=…): all keys must fit, and of one key any value.
/// Throws Error{invalid}.
class VolumeFilter {
 public:
  VolumeFilter(const std::vector<std::string>& texts, const std::vector<std::string_view>& known_keys);
  bool fits(const state::Place& place, const store::Volume& volume) const;
  bool has(std::string_view key) const;

 private:
  struct Condition {
    std::string key, value;
  };
  std::vector<Condition> conditions_;
};

/// By name.
std::vector<store::Volume> list_volumes(const state::Place& place, const VolumeFilter& filter);

/// In docker's shape. Throws Error{not_found}.
json::value inspect_volume(const state::Place& place, const std::string& name);

/// Throws Error{not_found} or Error{conflict}.
void remove_volume(const state::Place& place, const std::string& name);

struct Pruned {
  std::vector<std::string> names;
  Bytes bytes = 0;
  std::vector<std::string> problems;
};
/// Those that no container uses: the anonymous ones, or `all`.
Pruned prune_volumes(const state::Place& place, const VolumeFilter& filter, bool all);

}  // namespace tare::engine
