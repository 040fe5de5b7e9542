#include "engine/host_report.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/limits.h"
#include "engine/containers.h"
#include "engine/host.h"
#include "engine/security_labels.h"
#include "plan/names.h"
#include "runtime/init_image.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr long overlay_magic = 0x794c7630;

std::string cgroup_mode(const cgroup::Layout& layout) {
  switch (layout.mode()) {
    case cgroup::Mode::none: return "none: no cgroup file system is mounted";
    case cgroup::Mode::v1: return "v1";
    case cgroup::Mode::hybrid: return "v1 and v2 (hybrid)";
    case cgroup::Mode::v2: return "v2";
  }
  return {};
}

std::string limits_report(const cgroup::Layout& layout) {
  std::string have, lack;
  for (const char* controller : {"cpu", "cpuset", "memory", "pids"})
    (layout.can_limit(controller) ? have : lack).append(" ").append(controller);
  return (have.empty() ? " none" : have) + (lack.empty() ? "" : "; missing:" + lack);
}

// Whether overlayfs will do for a container's root: it is there, and the store is on a file system it can
// write to.
std::string overlay_report(const state::Place& place) {
  const sys::UniqueFd filesystem(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!filesystem) return format("missing ({}): root file systems are copied", errno_words(errno));
  struct statfs status;
  std::string directory = place.root.value;
  while (::statfs(directory.c_str(), &status) != 0 && directory.size() > 1)
    directory = directory.substr(0, std::max<std::size_t>(1, directory.find_last_of('/')));
  if (status.f_type == overlay_magic)
    return format("not on {}, which is an overlay itself: root file systems are copied", place.root.value);
  return "yes";
}

std::string capabilities_report(std::uint64_t have) {
  std::string lack;
  for (const int capability : {CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CAP_MKNOD, CAP_NET_ADMIN, CAP_SETFCAP})
    if (!(have >> capability & 1)) lack += " " + plan::capability_names(std::uint64_t{1} << capability)[0];
  return lack.empty() ? "all that are needed" : "missing:" + lack;
}

std::string apparmor_report(const Host& host) {
  const SecurityModules& modules = host.security;
  if (!modules.apparmor) return "not enabled";
  if (host.is_plain_user) return "enabled, but only root's containers are confined by it unless they ask";
  if (!modules.default_profile)
    return "enabled, but there is no apparmor_parser: containers are not confined by it";
  return format("profile {}", default_profile_name);
}

std::string selinux_report(const SecurityModules& modules) {
  if (!modules.selinux) return "not enabled";
  const std::string label = make_selinux_labels({}, false, modules).process;
  return label.empty() ? "enabled, but its policy knows no containers: they have no label of their own"
                       : label;
}

std::string device_report(cgroup::DeviceFilter filter) {
  switch (filter) {
    case cgroup::DeviceFilter::none:
      return "missing: containers get no CAP_MKNOD and no working device nodes of their own";
    case cgroup::DeviceFilter::list: return "cgroup v1 list";
    case cgroup::DeviceFilter::program: return "cgroup v2 program (eBPF)";
  }
  return {};
}

}  // namespace

std::string host_report(const state::Place& place) {
  const Host host = read_host();
  const runtime::HostFacts& facts = host.facts;
  utsname names;
  if (::uname(&names) != 0) throw system_error("cannot read the kernel's name");
  const auto containers = list_containers(place).containers;
  const auto running = std::ranges::count(containers, Status::running, &Container::status);
  const auto damaged = std::ranges::count(containers, Status::damaged, &Container::status);
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += format("{}: {}\n", name, value);
  };
  line("Version", TARE_VERSION);
  line("Kernel", format("{} {}", names.release, names.machine));
  line("Root", place.root.value);
  line("Run root", place.run_root.value);
  line("Containers", format("{} ({} running{})", containers.size(), running,
                            damaged > 0 ? format(", {} damaged", damaged) : std::string()));
  line("Cgroups", cgroup_mode(facts.cgroups) + (facts.cgroups.writable() ? "" : "; none can be written"));
  line("Limits", limits_report(facts.cgroups).substr(1));
  line("Swap limit",
       cgroup::read_facts(facts.cgroups).swap_accounting ? "yes" : "missing (no swap accounting)");
  line("Device filter", device_report(facts.cgroups.device_filter()));
  line("Overlay", overlay_report(place));
  line("Capabilities", capabilities_report(facts.capabilities));
  line("AppArmor", apparmor_report(host));
  line("SELinux", selinux_report(host.security));
  line("Init", runtime::try_sealed_memory_file() ? "sealed memory file"
                                                 : "hidden tmpfs file (memory files may not be executed)");
  return text;
}

}  // namespace tare::engine
