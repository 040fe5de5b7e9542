#include "runtime/checkpoint.h"

#include <ranges>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "runtime/bundle.h"
#include "runtime/config_json.h"
#include "runtime/end.h"
#include "runtime/foreground.h"
#include "runtime/make_plan.h"
#include "runtime/outside.h"
#include "runtime/service_manager.h"
#include "runtime/state_dir.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

// What the container was made from, as far as the checkpoint has to know it.
oci::RuntimeConfig config_of(const HostPath& root, const StateDirectory& directory,
                             const ContainerState& state) {
  oci::RuntimeConfig config = parse_config(directory.try_read_config().value_or(""));
  config.root.path = HostPath(state.rootfs);
  complete_config(config, HostPath(state.bundle), state.id);
  config.cgroups_path = state.cgroup;
  if (NotifySocket::is_there(directory.fd())) NotifySocket::add_to(config, root / state.id);
  if (!config.net_devices.empty())
    throw Error(ErrorKind::unsupported, "criu cannot save the network devices that the container was given",
                0, "/linux/netDevices names them");
  return config;
}

// While it saves them, criu holds the processes by the container's freezer: none can run away. Empty: it has
// none.
HostPath freezer_directory(const cgroup::Layout& layout, const std::string& path) {
  const cgroup::Hierarchy* hierarchy = layout.find("freezer");
  if (!hierarchy) hierarchy = layout.unified();
  if (!hierarchy || !sys::exists(sys::here, hierarchy->mount.value + path)) return HostPath();
  return HostPath(hierarchy->mount.value + path);
}

// Those directories of a checkpoint that were not there; what is empty in the end goes again.
class Directories {
 public:
  explicit Directories(const CriuOptions& options) {
    for (const auto& path : {options.images.value, options.work.value}) {
      if (sys::exists(sys::here, path)) continue;
      sys::make_directories(sys::here, path, 0700);
      made_.push_back(path);
    }
  }
  ~Directories() {
    for (const auto& path : made_ | std::views::reverse) ::rmdir(path.c_str());
  }
  Directories(const Directories&) = delete;
  Directories& operator=(const Directories&) = delete;

 private:
  std::vector<std::string> made_;
};

void save(const CheckpointOptions& options, const StateDirectory& directory, const ContainerState& state) {
  Criu criu;
  const oci::RuntimeConfig config = config_of(options.root, directory, state);
  const HostFacts facts = read_host_facts(state.cgroup, std::to_string(state.pid));
  const Directories made(options.criu);
  criu.prepare(options.criu, "dump.log", config);
  criu.set(CriuOption::pid, state.pid);
  criu.set(CriuOption::root, state.rootfs);
  criu.set(CriuOption::leave_running, options.leaves_running);
  // Which pages were written to since the part before this one, and will be until the next.
  if (options.only_memory || !options.parent.empty()) criu.set(CriuOption::track_memory, true);
  if (!options.parent.empty()) criu.set(CriuOption::parent_images, options.parent);
  if (const auto& server = options.page_server)
    criu.set(CriuOption::page_server, criu_pair(server->address, server->port));
  if (options.status_fd) criu.set(CriuOption::status_fd, *options.status_fd);
  if (const HostPath freezer = freezer_directory(facts.cgroups, state.cgroup); !freezer.value.empty())
    criu.set(CriuOption::freeze_cgroup, freezer.value);
  for (const auto& mount : outside_mounts(config, facts, state.id))
    criu.add_outside_mount(mount.name, mount.name);
  name_outside_namespaces(criu, config, state.pid);
  note_streams(options.criu.images, state.pid);
  criu.save(options.only_memory ? CriuOrder::pre_dump : CriuOrder::dump);
}

}  // namespace

PageServer parse_page_server(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0)
    throw Error(ErrorKind::usage, format("invalid page server: {}", text), 0, "ADDRESS:PORT");
  return {.address = text.substr(0, colon), .port = parse_integer<int>(text.substr(colon + 1), 1, 65535)};
}

void checkpoint(const CheckpointOptions& options) {
  const CaughtSignals held;  // a container half saved, or saved and still there, would be nobody's wish
  StateDirectory directory = StateDirectory::open(options.root, options.id);
  directory.lock();
  const auto state = directory.try_read();
  const Status status = directory.status(state);
  if (status != Status::running && status != Status::paused)
    throw Error(ErrorKind::conflict,
                format("Container cannot be checkpointed in {} state", status_name(status)));
  save(options, directory, *state);
  if (!options.leaves_running && !options.only_memory) remove(directory, Removal::also_running, options.warn);
}

}  // namespace tare::runtime
