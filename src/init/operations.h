// One function per operation of plan/operations.h; each returns 0 or a negative errno.
#pragma once

#include "init/interpreter.h"

namespace tare::init {

// process.cc
long set_name(const plan::Operation& operation);
long die_with_parent(Context& context, const plan::Operation& operation);
long reset_signals(const plan::Operation& operation);
long start_session();
long join_cgroup(Context& context, const plan::Operation& operation);
long unshare(const plan::Operation& operation);
long set_time_offsets(const plan::Operation& operation);
long hide_memory();
long join_namespaces(Context& context, const plan::Operation& operation);
long fork_process(Context& context, const plan::Operation& operation);
long set_hostname(const plan::Operation& operation);
long set_domainname(const plan::Operation& operation);
long raise_loopback();
long join_keyring(const plan::Operation& operation);
long set_rlimit(const plan::Operation& operation);
long set_umask(const plan::Operation& operation);
long set_personality(const plan::Operation& operation);
long set_memory_policy(const plan::Operation& operation);
long synchronise(Context& context, const plan::Operation& operation);
long find_program(const plan::Operation& operation);
long place_descriptor(Context& context, const plan::Operation& operation);
long close_descriptors(Context& context, const plan::Operation& operation);
long execute(Context& context, const plan::Operation& operation);

// rights.cc
long set_groups(const plan::Operation& operation);
long set_ids(const plan::Operation& operation);
long drop_bounding(const plan::Operation& operation);
long set_capabilities(const plan::Operation& operation);
long set_label(Context& context, const plan::Operation& operation);
long load_filter(Context& context, const plan::Operation& operation);
long no_new_privileges();

// mounts.cc
long set_propagation(Context& context, const plan::Operation& operation);
long map_ids(Context& context, const plan::Operation& operation);
long reopen_directory(Context& context, const plan::Operation& operation);
long new_filesystem(Context& context, const plan::Operation& operation);
long clone_tree(Context& context, const plan::Operation& operation);
long set_attributes(Context& context, const plan::Operation& operation);
long adopt(Context& context, const plan::Operation& operation);
long attach_root(Context& context, const plan::Operation& operation);
long take_root(Context& context);
long change_root(Context& context, const plan::Operation& operation);
long attach(Context& context, const plan::Operation& operation);
long mask(Context& context, const plan::Operation& operation);
long protect(Context& context, const plan::Operation& operation);
long pivot(Context& context, const plan::Operation& operation);
long enter_directory(const plan::Operation& operation);

// files.cc
long make_directory(Context& context, const plan::Operation& operation);
long open_directory(Context& context, const plan::Operation& operation);
long make_node(Context& context, const plan::Operation& operation);
long make_symlink(Context& context, const plan::Operation& operation);
long set_parameter(Context& context, const plan::Operation& operation);

// terminal.cc
long open_console(Context& context, const plan::Operation& operation);
long set_terminal(Context& context, const plan::Operation& operation);
long open_null(Context& context, const plan::Operation& operation);
long set_streams(Context& context, const plan::Operation& operation);

// supervise.cc
/// Returns in the child only.
long supervise(Context& context);

// gate.cc
long await_start(Context& context, const plan::Operation& operation);

/// Sends a message that carries a descriptor (SCM_RIGHTS).
long send_descriptor(int socket, plan::Message::Type type, int fd);

/// The descriptor in a slot; -1 (which every call refuses) for a slot that is not there.
inline int descriptor(const Context& context, int32_t slot) {
  return slot >= 0 && static_cast<uint32_t>(slot) < context.list->slot_count ? context.list->slots[slot] : -1;
}

/// Keeps `fd` in a slot (0 if there it went, or fd's own error).
long keep(Context& context, int32_t slot, long fd);

}  // namespace tare::init
