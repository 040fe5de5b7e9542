// A container as a program: what the parent opens for it, then the operations its first process carries out.
// Pure data, made by runtime::make_plan, printed by plan::print, carried out by tare-init.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "plan/operations.h"

namespace tare::plan {

/// An operation with its texts owned; the fields mean what operations.h says.
struct Entry {
  Kind kind{};
  std::uint32_t flags = 0;
  std::int32_t slot = no_slot, into = no_slot;
  std::uint64_t a = 0, b = 0;
  std::string path, text;
  std::vector<std::string> list;
  std::vector<std::uint32_t> groups;                ///< set_groups
  std::vector<std::uint64_t> filter;                ///< load_filter, an instruction each
  std::vector<std::uint64_t> nodes;                 ///< set_memory_policy: bit n for node n
  std::uint64_t effective = 0, ambient = 0;         ///< set_capabilities
  std::vector<std::string> arguments, environment;  ///< execute
};

/// A user namespace of the container's own: what the parent writes while init waits at Sync::map, in the form
/// of /proc/PID/uid_map and gid_map.
struct UserNamespace {
  std::string uid_map, gid_map;
};

/// A user namespace whose ids a mount shows: one that is there at `path`, or one made for that with `maps`.
struct IdSource {
  UserNamespace maps;
  std::string path;
};

/// A descriptor that the parent opens and init inherits.
struct Input {
  enum class What {
    bind,            ///< open_tree(2) of the host path `path`, a detached bind mount
    cgroup_join,     ///< the `tasks` or `cgroup.procs` file of the hierarchy mounted at `path`
    further_join,    ///< such a file at `path`, of another cgroup than the container's own
    directory,       ///< the host directory `path`, O_PATH; an option names it by descriptor_path(slot)
    stream,          ///< a standard stream; `path` says which
    name_space,      ///< the namespace's file at `path`, such as /proc/1/ns/ipc
    process,         ///< a pidfd of the container's process that is joined
    cgroup,          ///< the container's directory in cgroup v2
    gate,            ///< the socket at which init waits to be started
    list,            ///< the list's own memory file
    user_namespace,  ///< of `id_source`
    copied_tmpfs,    ///< a new tmpfs with `options`, that has what is at `path` in the directory `root`
    passed_on,       ///< the caller's descriptor number `path`, which the container gets
  };
  What what{};
  std::int32_t slot = no_slot;
  std::string path;
  bool recursive = false;            ///< bind: with the mounts below it
  std::string mount_namespace = {};  ///< bind: where `path` is found, such as /proc/1/ns/mnt; empty: here
  /// In a container with a user namespace of its own.
  enum class Ids {
    kept,                ///< the host's, which are nobody's inside
    mapped,              ///< a bind's: those of the user namespace (an idmapped mount)
    mapped_if_possible,  ///< where the file system can
  };
  Ids ids = Ids::kept;
  std::optional<IdSource> id_source = {};  ///< a bind's, instead of `ids`
  bool maps_all_below = false;             ///< with the mounts below it
  std::uint32_t file_type = 0;             ///< a bind's: S_IFCHR or S_IFBLK, what it must be; 0: anything
  std::string root = {};                   ///< copied_tmpfs
  std::vector<std::string> options = {};   ///< copied_tmpfs: as new_filesystem has them
  /// A mount's: MS_… flags of mount(2), one after the other.
  std::vector<std::uint64_t> propagation = {};
  std::optional<std::uint32_t> owner;  ///< a stream's, where init may not give it away itself
};

/// What the parent sets of the process that waits for its word: that may have no right to any more.
struct Settings {
  std::optional<int> oom_score_adj;          ///< proc_pid_oom_score_adj(5)
  std::optional<Scheduler> scheduler;        ///< sched_setattr(2)
  std::optional<std::uint16_t> io_priority;  ///< class and level, ioprio_set(2)
  std::string processors;  ///< sched_setaffinity(2): "0-3,8", all_processors; empty: as they are
};
inline constexpr std::string_view all_processors = "all";

struct Program {
  std::uint64_t namespaces = 0;  ///< CLONE_NEW… flags of clone3(2)
  std::optional<UserNamespace> user_namespace;
  std::vector<Input> inputs;
  std::vector<Entry> entries;
  Settings settings;
  std::int32_t slot_count = 1;  ///< slot 0 is the root

  std::int32_t new_slot() { return slot_count++; }
  Entry& add(Entry entry) { return entries.emplace_back(std::move(entry)); }
};

/// Stands in an Entry's list for the path of the descriptor in a slot; encode() puts /proc/self/fd/N in its
/// place.
std::string descriptor_path(std::int32_t slot);

/// The list as init maps it: a plan::List with all it points to, for `list_address`. `slots` holds slot_count
/// descriptor numbers, -1 where an operation fills it in. A traced run has room behind it for so many
/// records.
std::string encode(const Program& program, const std::vector<int>& slots, int sync_socket,
                   std::uint32_t trace_capacity = 0);
/// How much of it is mapped: what is behind the bytes is empty.
std::uint32_t mapped_size(const std::string& encoded);

}  // namespace tare::plan
