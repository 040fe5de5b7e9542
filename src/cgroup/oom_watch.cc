#include "cgroup/oom_watch.h"

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/format.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

sys::UniqueFd watch_v2(const std::string& directory) {
  sys::UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string file = directory + "/memory.events";
  if (watch && ::inotify_add_watch(watch.number(), file.c_str(), IN_MODIFY) < 0) watch.reset();
  return watch;
}

// Both descriptors are the kernel's from here on; the control file's may be closed.
sys::UniqueFd watch_v1(const std::string& path) {
  const auto directory = sys::try_open_at(sys::here, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  const auto control = sys::try_open_at(directory, "memory.oom_control", O_RDONLY);
  sys::UniqueFd watch(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!control || !watch ||
      !sys::try_write_to(directory, "cgroup.event_control",
                         format("{} {}", watch.number(), control.number())))
    return {};
  return watch;
}

}  // namespace

sys::UniqueFd watch_oom(const Layout& layout, const std::string& path) {
  const Hierarchy* memory = layout.find("memory");
  if (!memory) return {};
  return memory->unified ? watch_v2(memory->mount.value + path) : watch_v1(memory->mount.value + path);
}

void drain(sys::Fd watch) {
  char events[4096];
  while (::read(watch.number(), events, sizeof events) > 0) {
  }
}

}  // namespace tare::cgroup
