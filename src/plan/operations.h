// The closed set of operations that tare-init, a container's first process, knows: plain data, shared by the
// program that writes the list and by the freestanding one that carries it out. Includes nothing but
// fixed-width integers.
#pragma once

#include <stdint.h>

namespace tare::plan {

/// What one operation does. The fields it uses stand behind it; "slot" is an index into List::slots, where
/// the descriptors live: those the parent opened and those that operations made. Every path but `host` ones
/// is resolved in the container's root (slot 0) by openat2(2) with RESOLVE_IN_ROOT.
enum class Kind : uint32_t {
  // about the process itself
  set_name,         ///< text: the name shown by ps (prctl PR_SET_NAME)
  die_with_parent,  ///< a: the signal init gets when its parent dies (PR_SET_PDEATHSIG)
  reset_signals,    ///< a: bit n-1 set: signal n was ignored and becomes default; the mask is emptied
  start_session,    ///< setsid(2)
  // cgroups and namespaces
  join_cgroup,       ///< slot: a `tasks` or `cgroup.procs` file; "0" is written (no RCU wait that way)
  unshare,           ///< a: CLONE_NEW… flags
  set_propagation,   ///< host path; a: MS_… flags of mount(2)
  reopen_directory,  ///< slot: an inherited directory, becomes the same one as this mount namespace has it;
                     ///< host path
  // mounts: make one (into a slot), then attach it
  new_filesystem,  ///< text: type; list: "=key\0value" or "!flag"; a: MOUNT_ATTR_…; into
  clone_tree,      ///< host path; a: 1 recursive; into. A bind mount not yet attached (open_tree(2))
  set_attributes,  ///< slot; a: MOUNT_ATTR_ to set, b: to clear; flags: recursive
  attach_root,     ///< slot; host path: where in the host's tree the root is hung up; becomes slot 0
  attach,          ///< slot; path: target in the root; flags: no_symlinks, create_target
  // files in the root
  make_directory,  ///< path; a: mode of what is made; flags: no_symlinks; into: O_PATH descriptor, or none
  open_directory,  ///< path; into; flags: no_symlinks
  make_node,       ///< slot: directory; text: name; a: mode with type; b: device; flags
  make_symlink,    ///< slot: directory; path: name; text: target
  // hiding and protecting
  mask,     ///< path; slot: an empty read-only file system for directories; into: slot of /dev/null's node
  protect,  ///< path: becomes a read-only mount of itself, with all below
  // terminal
  open_console,  ///< slot: directory /dev with pts/ptmx; a: rows<<16 | columns; b: uid; text: "console"; into
  set_terminal,  ///< slot: becomes the controlling terminal
  open_null,     ///< into: the container's /dev/null, for its standard input
  set_streams,   ///< a: three slots, stdin | stdout<<16 | stderr<<32; b: uid that owns pipes
  // entering the root
  pivot,           ///< the root becomes /, the old tree is detached
  set_hostname,    ///< text
  raise_loopback,  ///< the interface lo goes up
  join_keyring,    ///< text: a session keyring of its own
  // rights
  set_rlimit,         ///< slot: resource number; a: soft, b: hard
  set_umask,          ///< a
  set_groups,         ///< list: gids, a: count (list points to uint32_t)
  set_ids,            ///< a: uid, b: gid; capabilities are kept for the moment
  drop_bounding,      ///< a: the set that remains
  set_capabilities,   ///< a: permitted, b: inheritable, list: -> uint64_t effective, ambient
  load_filter,        ///< list: -> a seccomp program of a instructions (struct sock_filter)
  no_new_privileges,  ///<
  enter_directory,    ///< path: working directory, after the pivot
  // the end
  synchronise,        ///< a: a Sync value: tells the parent and waits for its word
  close_descriptors,  ///< everything but 0, 1, 2 and a further ones; the sync socket closes by exec
  execute,            ///< list: candidates for the program, NULL; a, b: argv and envp (pointers)
};

/// Operation::flags.
inline constexpr uint32_t recursive = 1;
inline constexpr uint32_t no_symlinks = 2;  ///< a symlink anywhere in `path` is an error (ELOOP)
inline constexpr uint32_t create_target =
    4;  ///< a mount's target is made if missing: a directory, or for a file a file

inline constexpr int32_t no_slot = -1;
inline constexpr int32_t root_slot = 0;

struct Operation {
  Kind kind;
  uint32_t flags;
  int32_t slot, into;
  uint64_t a, b;
  const char* path;
  const char* text;
  const char* const* list;
};

/// Points at which init and its parent wait for each other.
enum class Sync : uint32_t { ready = 1 };

/// A message on the sync socket (SOCK_SEQPACKET), both ways.
struct Message {
  enum class Type : uint32_t {
    sync = 1,     ///< init: value is a Sync; waits for `proceed`
    console = 2,  ///< init: carries the terminal's controlling side as SCM_RIGHTS
    failed = 3,   ///< init: see List::report; waits for the parent to look and to close the socket
    proceed = 4,  ///< parent
  };
  Type type;
  uint32_t value;
};

/// Where and why it stopped. Written by init, hostile from then on: check before use.
struct Report {
  uint32_t operation;  ///< index of the operation in progress
  int32_t error;       ///< errno; 0: none
  uint32_t detail;     ///< execute: which candidate
};

/// The head of the list. It is mapped at `list_address` in init, so the pointers in it are good there and
/// only there.
struct List {
  uint32_t magic;
  uint32_t size;  ///< bytes to map
  int32_t sync_socket;
  uint32_t operation_count;
  uint32_t slot_count;
  uint32_t padding;
  int32_t* slots;
  const Operation* operations;
  Report report;
};

inline constexpr uint32_t list_magic = 0x65726174;  // "tare"
inline constexpr uint64_t list_address = 0x100000000;
inline constexpr int list_descriptor = 3;  ///< where init finds its list

}  // namespace tare::plan
