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
  set_time_offsets,  ///< text: the lines of /proc/self/timens_offsets, for the time namespace of its children
  hide_memory,  ///< what is in this process's memory is not for a namespace that it joins (PR_SET_DUMPABLE)
  join_namespaces,   ///< slot: a pidfd, or a namespace's file; a: CLONE_NEW… flags (setns(2))
  fork_process,      ///< a sibling goes on with the list, in the pid namespace that was joined or unshared;
                     ///< this process ends. slot: the cgroup v2 directory that it is born in, or none; into:
                     ///< another one, where the kernel does not let it be born in that one
  take_root,         ///< the root of the mount namespace that was joined becomes slot 0
  change_root,       ///< slot: a directory, which becomes / and the working directory
  set_propagation,   ///< host path, or slot: a mount; a: MS_… flags of mount(2)
  reopen_directory,  ///< slot: an inherited directory, becomes the same one as this mount namespace has it;
                     ///< host path
  // mounts: make one (into a slot), then attach it
  new_filesystem,  ///< text: type; list: "=key\0value" or "!flag"; a: MOUNT_ATTR_…; into; host path, if any:
                   ///< the working directory meanwhile, for names in the list
  clone_tree,      ///< host path; a: 1 recursive; into. A bind mount not yet attached (open_tree(2))
  map_ids,         ///< slot: a detached mount; into: a user namespace, whose ids its files are to have
  set_attributes,  ///< slot; a: MOUNT_ATTR_ to set, b: to clear; flags: recursive
  adopt,           ///< slot: a detached mount becomes one of this mount namespace; host path: over what
  attach_root,     ///< slot; host path: where in the host's tree the root is hung up; becomes slot 0
  attach,          ///< slot; path: target in the root; flags: no_symlinks, create_target, create_directory
  // files in the root
  make_directory,  ///< path; a: mode of what is made; flags: no_symlinks; into: O_PATH descriptor, or none
  open_directory,  ///< path; into; flags: no_symlinks
  make_node,       ///< slot: directory; text: name; a: uid << 32 | mode with type; b: gid << 32 | device;
                   ///< into: O_PATH descriptor, or none
  make_symlink,    ///< slot: directory; path: name; text: target
  set_parameter,   ///< slot: the container's procfs; path: in it, such as sys/kernel/msgmax; text: value
  // hiding and protecting
  mask,     ///< path; slot: an empty read-only file system for directories; into: slot of /dev/null's node
  protect,  ///< path: becomes a read-only mount of itself, with all below
  // terminal
  open_console,  ///< slot: directory /dev with pts/ptmx; a: rows<<16 | columns; b: uid; into; text:
                 ///< "console",
                 ///< the file that shows it, or none
  set_terminal,  ///< slot: becomes the controlling terminal
  open_null,     ///< into: the container's /dev/null, for its standard input
  set_streams,   ///< a: three slots, stdin | stdout<<16 | stderr<<32; b: uid that owns pipes; flags: bit n:
                 ///< stream n is the caller's, and if it is the host's /dev/null becomes the container's
  // entering the root
  pivot,         ///< the root becomes /, the old tree is detached; a: 1: where pivot_root(2) is refused, the
                 ///< root is moved over / and changed to, without the host's paths in list, NULL
  set_hostname,  ///< text
  set_domainname,  ///< text
  raise_loopback,  ///< the interface lo goes up
  join_keyring,    ///< text: a session keyring of its own
  // rights
  set_rlimit,         ///< slot: resource number; a: soft, b: hard
  set_umask,          ///< a
  set_personality,    ///< a: of personality(2)
  set_memory_policy,  ///< a: mode and flags of set_mempolicy(2); list: -> b bits, one for each node
  set_groups,         ///< list: gids, a: count (list points to uint32_t)
  set_ids,            ///< a: uid, b: gid; capabilities are kept for the moment
  drop_bounding,      ///< a: the set that remains
  set_capabilities,   ///< a: permitted, b: inheritable, list: -> uint64_t effective, ambient
  load_filter,        ///< list: -> a seccomp program of a instructions (struct sock_filter); b: flags of
                      ///< seccomp(2); text: what it is called, for people; into: the
                      ///< slot of the descriptor of who is asked about calls, or none
  no_new_privileges,  ///<
  set_label,        ///< text, written to path below the container's procfs: what the program will be for the
                    ///< kernel's security modules (thread-self/attr/…)
  enter_directory,  ///< path: working directory, after the pivot
  // the end
  synchronise,   ///< a: a Sync value: tells the parent and waits for its word
  find_program,  ///< list: candidates for the program, NULL: one of them can be executed
  await_start,   ///< slot: a listening socket; into: the slot of the list's own memory file. The parent may
                 ///< end;
                 ///< whoever connects gets the list, and takes its place by `proceed`
  place_descriptor,   ///< slot: a descriptor of the caller's, a: the number that it had there
  close_descriptors,  ///< everything but 0, 1, 2 and a further ones; the sync socket closes by exec
  supervise,          ///< a child goes on with the list; this process passes signals on to it, reaps whatever
                      ///< ends, and ends as the child does
  execute,            ///< list: candidates for the program, NULL; a, b: argv and envp (pointers)
};

/// Operation::flags.
inline constexpr uint32_t recursive = 1;
inline constexpr uint32_t no_symlinks = 2;  ///< a symlink anywhere in `path` is an error (ELOOP)
inline constexpr uint32_t create_target =
    4;  ///< a mount's target is made if missing: a directory, or for a file a file
inline constexpr uint32_t create_directory = 8;  ///< the same where the mount is known to be a directory

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
enum class Sync : uint32_t {
  ready = 1,
  waiting = 2,
  map = 3,      ///< the user namespace is there; its ids are not mapped yet
  mounted = 4,  ///< everything is mounted, and the host's tree is still to be seen: the time for hooks
};

/// A message on the sync socket (SOCK_SEQPACKET), both ways.
struct Message {
  enum class Type : uint32_t {
    sync = 1,     ///< init: value is a Sync; waits for `proceed`
    console = 2,  ///< init: carries the terminal's controlling side as SCM_RIGHTS
    failed = 3,   ///< init: see List::report; waits for the parent to look and to close the socket
    forked = 5,   ///< init: whoever sent this (SCM_CREDENTIALS) goes on with the list
    proceed = 4,  ///< parent
    list = 6,     ///< init: carries the list to whoever starts it
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

/// What a traced run's init did: an operation, or one of the calls that it made.
struct TraceRecord {
  uint32_t operation;   ///< index; `before_operations`
  int32_t call;         ///< the kernel's number; `whole_operation`
  uint64_t begin, end;  ///< ticks(); end 0: not ended yet, or by becoming another program
  int64_t result;
  uint64_t arguments[6];
};
inline constexpr uint32_t before_operations = ~0u;
inline constexpr int32_t whole_operation = -1;

/// The records follow it.
struct Trace {
  uint32_t capacity;
  uint32_t used;  ///< counts on when it is full
};

/// The processor's clock, which no seccomp filter can refuse and which is the same on all its cores.
inline uint64_t ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  uint64_t count;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#endif
}

/// The head of the list. It is mapped at `list_address` in init, so the pointers in it are good there and
/// only there.
struct List {
  uint32_t magic;
  uint32_t size;  ///< bytes to map
  int32_t sync_socket;
  uint32_t operation_count;
  uint32_t slot_count;
  uint32_t padding;
  Trace* trace;  ///< null: this run is not traced
  int32_t* slots;
  const Operation* operations;
  Report report;
};

inline constexpr uint32_t list_magic = 0x65726174;  // "tare"
inline constexpr uint64_t list_address = 0x100000000;
inline constexpr int list_descriptor = 3;  ///< where init finds its list

}  // namespace tare::plan
