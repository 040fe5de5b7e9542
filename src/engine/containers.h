// The containers there are: told truthfully, settled when their monitor is gone, removed.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "state/containers.h"

namespace tare::engine {

/// The exit code of a container whose monitor was killed.
inline constexpr int monitor_killed = 255;

enum class Status {
  created,
  running,
  paused,
  exited,
  damaged,  ///< its record says nothing, or its end cannot be settled; it can be removed
};

struct Container {
  state::Record record;
  Status status{};
  std::optional<state::Running> running;
  std::string problem;  ///< of a damaged one, of which only the id is sure: what is wrong
};

/// "Up 5 minutes", "Exited (137) 2 hours ago", in docker's words.
std::string status_words(const Container& container, Time now);

/// Does for a container what its monitor can no longer do: ends what is left of it, records that, removes it
/// if it was to be removed or never was whole. Nothing happens to one that somebody is responsible for, or
/// whose record cannot be read. True: it is gone.
bool settle(const state::Place& place, const ContainerId& id);

struct Listing {
  std::list<Container> containers;    ///< newest first, then the damaged ones
  std::vector<std::string> problems;  ///< what is to be told besides: a line for each
};

/// Settles all containers, removes what killed unpackings left, and tells what there is. What is wrong with
/// one keeps no other from being listed.
Listing list_containers(const state::Place& place);

/// Throws Error{not_found}.
Container find_container(const state::Place& place, const std::string& name_or_id);

enum class Removal { only_stopped, also_running };
/// `with_volumes`: the anonymous ones that nobody else uses go, too.
/// Reads of a container only what it must, so that a damaged one can be removed. Throws Error{not_found}, or
/// Error{conflict} for a running one.
void remove_container(const state::Place& place, const std::string& name_or_id, Removal removal,
                      bool with_volumes = false);

/// What `tare inspect` prints of one container, in docker's shape.
json::value inspect(const state::Place& place, const Container& container);

}  // namespace tare::engine
