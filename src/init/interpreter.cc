#include "init/interpreter.h"

#include <stddef.h>

#include "init/constants.h"
#include "init/operations.h"
#include "init/syscalls.h"

namespace tare::init {

using plan::Kind;
using plan::Message;
using plan::Operation;

long perform(Context& context, const Operation& operation) {
  switch (operation.kind) {
    case Kind::set_name: return set_name(operation);
    case Kind::die_with_parent: return die_with_parent(context, operation);
    case Kind::reset_signals: return reset_signals(operation);
    case Kind::start_session: return start_session();
    case Kind::join_cgroup: return join_cgroup(context, operation);
    case Kind::unshare: return unshare(operation);
    case Kind::set_time_offsets: return set_time_offsets(operation);
    case Kind::hide_memory: return hide_memory();
    case Kind::join_namespaces: return join_namespaces(context, operation);
    case Kind::fork_process: return fork_process(context, operation);
    case Kind::take_root: return take_root(context);
    case Kind::change_root: return change_root(context, operation);
    case Kind::set_propagation: return set_propagation(context, operation);
    case Kind::map_ids: return map_ids(context, operation);
    case Kind::reopen_directory: return reopen_directory(context, operation);
    case Kind::new_filesystem: return new_filesystem(context, operation);
    case Kind::clone_tree: return clone_tree(context, operation);
    case Kind::set_attributes: return set_attributes(context, operation);
    case Kind::adopt: return adopt(context, operation);
    case Kind::attach_root: return attach_root(context, operation);
    case Kind::attach: return attach(context, operation);
    case Kind::make_directory: return make_directory(context, operation);
    case Kind::open_directory: return open_directory(context, operation);
    case Kind::make_node: return make_node(context, operation);
    case Kind::make_symlink: return make_symlink(context, operation);
    case Kind::set_parameter: return set_parameter(context, operation);
    case Kind::mask: return mask(context, operation);
    case Kind::protect: return protect(context, operation);
    case Kind::open_console: return open_console(context, operation);
    case Kind::set_terminal: return set_terminal(context, operation);
    case Kind::open_null: return open_null(context, operation);
    case Kind::set_streams: return set_streams(context, operation);
    case Kind::pivot: return pivot(context, operation);
    case Kind::set_hostname: return set_hostname(operation);
    case Kind::set_domainname: return set_domainname(operation);
    case Kind::raise_loopback: return raise_loopback();
    case Kind::join_keyring: return join_keyring(operation);
    case Kind::set_rlimit: return set_rlimit(operation);
    case Kind::set_umask: return set_umask(operation);
    case Kind::set_personality: return set_personality(operation);
    case Kind::set_memory_policy: return set_memory_policy(operation);
    case Kind::set_groups: return set_groups(operation);
    case Kind::set_ids: return set_ids(operation);
    case Kind::drop_bounding: return drop_bounding(operation);
    case Kind::set_capabilities: return set_capabilities(operation);
    case Kind::load_filter: return load_filter(context, operation);
    case Kind::no_new_privileges: return no_new_privileges();
    case Kind::set_label: return set_label(context, operation);
    case Kind::enter_directory: return enter_directory(operation);
    case Kind::synchronise: return synchronise(context, operation);
    case Kind::find_program: return find_program(operation);
    case Kind::await_start: return await_start(context, operation);
    case Kind::place_descriptor: return place_descriptor(context, operation);
    case Kind::close_descriptors: return close_descriptors(context, operation);
    case Kind::supervise: return supervise(context);
    case Kind::execute: return execute(context, operation);
  }
  return -e_inval;
}

void run(Context& context) {
  plan::List& list = *context.list;
  for (uint32_t i = 0; i < list.operation_count; i++) {
    list.report.operation = i;
    plan::TraceRecord* record = trace ? begin_record(i, plan::whole_operation) : nullptr;
    const long result = perform(context, list.operations[i]);
    if (record && result >= 0) record->end = plan::ticks();  // one that failed has to be reported still
    if (result < 0) {
      list.report.error = static_cast<int32_t>(-result);
      return;
    }
  }
  list.report.error = e_inval;  // a list must end in `execute`
}

void report_failure(const plan::List& list) {
  // The report lies in shared memory already; the socket is only the bell.
  Message message{.type = Message::Type::failed, .value = list.report.operation};
  call(__NR_sendto, list.sync_socket, address(&message), sizeof message, msg_nosignal, 0, 0);
  while (call(__NR_recvfrom, list.sync_socket, address(&message), sizeof message, 0, 0, 0) == -e_intr) {
  }
}

}  // namespace tare::init
