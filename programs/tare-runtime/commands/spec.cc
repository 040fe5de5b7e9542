// tare-runtime spec: a config.json to begin with.
#include <unistd.h>

#include "base/format.h"
#include "base/json.h"
#include "commands/commands.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"bundle", 'b', Takes::value, "DIR", "write it there (default: the working directory)"},
    {"file", 'f', Takes::value, "FILE", "write it to FILE there (default: config.json)"},
    {"rootless", 0, Takes::nothing, "", "for a container with a user namespace in which the caller is root"},
};

constexpr std::string_view config = R"({
  "ociVersion": "1.3.0",
  "process": {
    "terminal": true,
    "user": {"uid": 0, "gid": 0},
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "container",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
     "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                   {"type": "cgroup"}],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                    "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
}
)";

// Below /sys only a bind mount of the host's may be made without a network namespace of one's own; ids that
// are not mapped cannot be named; and cgroups are not the user's.
std::string rootless_config() {
  json::value document = json::parse(config);
  json::object& linux_part = document.as_object()["linux"].as_object();
  json::array namespaces, mounts;
  for (const auto& one : linux_part["namespaces"].as_array())
    if (one.as_object().at("type") != "network") namespaces.push_back(one);
  namespaces.push_back(json::object{{"type", "user"}});
  for (json::value one : document.as_object()["mounts"].as_array()) {
    json::object& mount = one.as_object();
    if (mount["destination"].as_string().starts_with("/sys")) continue;
    if (auto* options = mount.if_contains("options")) {
      json::array kept;
      for (const json::value& option : options->as_array())
        if (!option.as_string().starts_with("gid=") && !option.as_string().starts_with("uid="))
          kept.push_back(option);
      *options = std::move(kept);
    }
    mounts.push_back(std::move(one));
  }
  mounts.push_back(json::object{{"destination", "/sys"},
                                {"type", "none"},
                                {"source", "/sys"},
                                {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}});
  const auto map = [](std::uint64_t id) {
    return json::array{json::object{{"containerID", 0}, {"hostID", id}, {"size", 1}}};
  };
  linux_part["namespaces"] = std::move(namespaces);
  linux_part["uidMappings"] = map(::geteuid());
  linux_part["gidMappings"] = map(::getegid());
  linux_part.erase("resources");
  document.as_object()["mounts"] = std::move(mounts);
  return json::pretty(document);
}

}  // namespace

constinit const cli::Command spec_command = {
    .name = "spec",
    .operands = "",
    .summary = "Write a config.json to begin with",
    .details = "It starts a shell in ./rootfs on a terminal. One that is there is not overwritten.",
    .options = option_table,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int spec(const Context&, const cli::Parsed& parsed) {
  const std::string path =
      parsed.value("bundle").value_or(".") + "/" + parsed.value("file").value_or("config.json");
  if (sys::exists(sys::here, path))
    throw Error(ErrorKind::conflict, format("File {} exists. Remove it first", path));
  sys::create_file(sys::here, path, parsed.has("rootless") ? rootless_config() : std::string(config), 0644);
  return 0;
}

}  // namespace tare::commands
