#include <sys/wait.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "monitor/monitor.h"
#include "monitor/plumbing.h"
#include "sys/process.h"

namespace tare::monitor {
namespace {

void live(const ExecOrder& order, sys::UniqueFd& client) {
  if (order.needs_scope) cgroup::come_within_reach(order.cgroups);
  const cgroup::Cgroup cgroup = cgroup::Cgroup::open(order.cgroups, order.cgroup);
  Plumbing plumbing = make_plumbing(order.terminal, order.interactive);
  runtime::Streams streams = plumbing.streams();
  streams.process = order.process;
  runtime::Container process = runtime::Container::create(order.program, cgroup, streams);
  plumbing.let_go();
  if (order.terminal) take_terminal(plumbing.ends, process.take_console());
  process.start();
  if (!send(client, Frame::Type::started)) client.reset();
  relay(
      process.pidfd(), std::move(plumbing.ends),
      {.client = std::move(client), .wish = order.wish, .listener = {}, .input_ends_with_it = true},
      {.log = {},
       .answer =
           [](const Frame&) { throw Error(ErrorKind::unsupported, "only a container's monitor does that"); },
       .end =
           [&] {
             const int status = process.wait();
             return format("{} 0 ", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
           }});
}

}  // namespace

void run_exec_monitor(const ExecOrder& order, sys::UniqueFd client) {
  sys::rename_process(format("tare: exec in {}", order.name), "tare: exec");
  leave_the_caller({client, order.process});
  try {
    live(order, client);
  } catch (const Error& error) {
    if (client) send(client, Frame::Type::failed, failure_payload(error));
  }
}

}  // namespace tare::monitor
