#include "plan/names.h"

#include <algorithm>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace tare::plan {
namespace {

struct Name {
  std::uint64_t number;
  std::string_view name;
};

constexpr Name namespaces[] = {{CLONE_NEWPID, "pid"},   {CLONE_NEWNS, "mount"}, {CLONE_NEWNET, "network"},
                               {CLONE_NEWIPC, "ipc"},   {CLONE_NEWUTS, "uts"},  {CLONE_NEWCGROUP, "cgroup"},
                               {CLONE_NEWUSER, "user"}, {CLONE_NEWTIME, "time"}};

constexpr Name attributes[] = {{MOUNT_ATTR_RDONLY, "ro"},
                               {MOUNT_ATTR_NOSUID, "nosuid"},
                               {MOUNT_ATTR_NODEV, "nodev"},
                               {MOUNT_ATTR_NOEXEC, "noexec"},
                               {MOUNT_ATTR_NOATIME, "noatime"},
                               {MOUNT_ATTR_STRICTATIME, "strictatime"},
                               {MOUNT_ATTR_NODIRATIME, "nodiratime"},
                               {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"}};

// capability.h, in the order of their numbers.
constexpr std::string_view capabilities[] = {"CHOWN",
                                             "DAC_OVERRIDE",
                                             "DAC_READ_SEARCH",
                                             "FOWNER",
                                             "FSETID",
                                             "KILL",
                                             "SETGID",
                                             "SETUID",
                                             "SETPCAP",
                                             "LINUX_IMMUTABLE",
                                             "NET_BIND_SERVICE",
                                             "NET_BROADCAST",
                                             "NET_ADMIN",
                                             "NET_RAW",
                                             "IPC_LOCK",
                                             "IPC_OWNER",
                                             "SYS_MODULE",
                                             "SYS_RAWIO",
                                             "SYS_CHROOT",
                                             "SYS_PTRACE",
                                             "SYS_PACCT",
                                             "SYS_ADMIN",
                                             "SYS_BOOT",
                                             "SYS_NICE",
                                             "SYS_RESOURCE",
                                             "SYS_TIME",
                                             "SYS_TTY_CONFIG",
                                             "MKNOD",
                                             "LEASE",
                                             "AUDIT_WRITE",
                                             "AUDIT_CONTROL",
                                             "SETFCAP",
                                             "MAC_OVERRIDE",
                                             "MAC_ADMIN",
                                             "SYSLOG",
                                             "WAKE_ALARM",
                                             "BLOCK_SUSPEND",
                                             "AUDIT_READ",
                                             "PERFMON",
                                             "BPF",
                                             "CHECKPOINT_RESTORE"};

constexpr Name rlimits[] = {{RLIMIT_CPU, "cpu"},           {RLIMIT_FSIZE, "fsize"},
                            {RLIMIT_DATA, "data"},         {RLIMIT_STACK, "stack"},
                            {RLIMIT_CORE, "core"},         {RLIMIT_RSS, "rss"},
                            {RLIMIT_NPROC, "nproc"},       {RLIMIT_NOFILE, "nofile"},
                            {RLIMIT_MEMLOCK, "memlock"},   {RLIMIT_AS, "as"},
                            {RLIMIT_LOCKS, "locks"},       {RLIMIT_SIGPENDING, "sigpending"},
                            {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_NICE, "nice"},
                            {RLIMIT_RTPRIO, "rtprio"},     {RLIMIT_RTTIME, "rttime"}};

template <typename Table>
std::vector<std::string> names_of_bits(const Table& table, std::uint64_t bits) {
  std::vector<std::string> names;
  for (const auto& row : table)
    if (bits & row.number) names.emplace_back(row.name);
  return names;
}

}  // namespace

std::vector<std::string> namespace_names(std::uint64_t clone_flags) {
  return names_of_bits(namespaces, clone_flags);
}

std::vector<std::string> mount_attribute_names(std::uint64_t bits) { return names_of_bits(attributes, bits); }

std::vector<std::string> capability_names(std::uint64_t set) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(capabilities); i++)
    if (set & (std::uint64_t{1} << i)) names.emplace_back(capabilities[i]);
  return names;
}

std::optional<int> capability_number(std::string_view name) {
  const auto* found = std::ranges::find(capabilities, name);
  if (found == std::end(capabilities)) return std::nullopt;
  return static_cast<int>(found - std::begin(capabilities));
}

std::uint64_t every_capability() { return (std::uint64_t{1} << std::size(capabilities)) - 1; }

std::string_view rlimit_name(int resource) {
  const auto* found = std::ranges::find(rlimits, static_cast<std::uint64_t>(resource), &Name::number);
  return found != std::end(rlimits) ? found->name : "an unknown resource";
}

std::optional<int> rlimit_number(std::string_view name) {
  const auto* found = std::ranges::find(rlimits, name, &Name::name);
  if (found == std::end(rlimits)) return std::nullopt;
  return static_cast<int>(found->number);
}

std::vector<std::string_view> rlimit_names() {
  std::vector<std::string_view> names;
  for (const auto& row : rlimits) names.push_back(row.name);
  return names;
}

}  // namespace tare::plan
