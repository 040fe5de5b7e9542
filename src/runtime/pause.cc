#include "runtime/pause.h"

#include "base/error.h"
#include "cgroup/freezer.h"
#include "runtime/state_dir.h"

namespace tare::runtime {

void pause(const HostPath& root, const std::string& id) {
  StateDirectory directory = StateDirectory::open(root, id);
  directory.lock();
  const auto state = directory.try_read();
  const Status status = directory.status(state);
  if (status != Status::running && status != Status::created)
    throw Error(ErrorKind::conflict, "container not running");
  cgroup::freeze(cgroup::read_layout_for(state->cgroup), state->cgroup);
}

void resume(const HostPath& root, const std::string& id) {
  StateDirectory directory = StateDirectory::open(root, id);
  directory.lock();
  const auto state = directory.try_read();
  if (directory.status(state) != Status::paused) throw Error(ErrorKind::conflict, "container not paused");
  cgroup::thaw(cgroup::read_layout_for(state->cgroup), state->cgroup);
}

}  // namespace tare::runtime
