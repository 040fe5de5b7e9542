#include "engine/run.h"

#include "engine/create.h"
#include "engine/order.h"
#include "engine/rootfs.h"
#include "engine/start.h"
#include "engine/user_namespace.h"
#include "engine/volumes.h"
#include "runtime/plan_cgroup.h"
#include "sys/file.h"

namespace tare::engine {

RunResult run(const state::Place& place, RunOptions options, const std::string& detach_keys,
              const Notify& notify) {
  const Host host = [] {
    const recorder::Span span("look at the host");
    return read_host();
  }();
  const Attachment attachment{
      .wish = {.input = options.interactive && !options.detached, .output = !options.detached},
      .terminal = options.terminal,
      .keys = parse_detach_keys(detach_keys)};
  Created created(place, std::move(options), host, notify);
  const Result result =
      start(place, {created.record(), created.definition(), created.directory(), created.lock()}, host,
            attachment, notify);
  return {.exit_code = result.exit_code, .id = created.record().id, .started = result.started};
}

}  // namespace tare::engine
