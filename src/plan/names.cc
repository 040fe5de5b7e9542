#include "plan/names.h"

#include <algorithm>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace tare::plan {
namespace {

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

constexpr Name policy_rows[] = {{SCHED_OTHER, "SCHED_OTHER"},
                                {SCHED_FIFO, "SCHED_FIFO"},
                                {SCHED_RR, "SCHED_RR"},
                                {SCHED_BATCH, "SCHED_BATCH"},
                                {4, "SCHED_ISO"},  // which no kernel has yet
                                {SCHED_IDLE, "SCHED_IDLE"},
                                {SCHED_DEADLINE, "SCHED_DEADLINE"}};
constexpr Name policy_flag_rows[] = {{SCHED_FLAG_RESET_ON_FORK, "SCHED_FLAG_RESET_ON_FORK"},
                                     {SCHED_FLAG_RECLAIM, "SCHED_FLAG_RECLAIM"},
                                     {SCHED_FLAG_DL_OVERRUN, "SCHED_FLAG_DL_OVERRUN"},
                                     {SCHED_FLAG_KEEP_POLICY, "SCHED_FLAG_KEEP_POLICY"},
                                     {SCHED_FLAG_KEEP_PARAMS, "SCHED_FLAG_KEEP_PARAMS"},
                                     {SCHED_FLAG_UTIL_CLAMP_MIN, "SCHED_FLAG_UTIL_CLAMP_MIN"},
                                     {SCHED_FLAG_UTIL_CLAMP_MAX, "SCHED_FLAG_UTIL_CLAMP_MAX"}};
constexpr Name io_class_rows[] = {{IOPRIO_CLASS_RT, "IOPRIO_CLASS_RT"},
                                  {IOPRIO_CLASS_BE, "IOPRIO_CLASS_BE"},
                                  {IOPRIO_CLASS_IDLE, "IOPRIO_CLASS_IDLE"}};
constexpr Name memory_mode_rows[] = {
    {MPOL_DEFAULT, "MPOL_DEFAULT"}, {MPOL_PREFERRED, "MPOL_PREFERRED"},
    {MPOL_BIND, "MPOL_BIND"},       {MPOL_INTERLEAVE, "MPOL_INTERLEAVE"},
    {MPOL_LOCAL, "MPOL_LOCAL"},     {5, "MPOL_PREFERRED_MANY"},  // since Linux 5.15
    {6, "MPOL_WEIGHTED_INTERLEAVE"}};                            // since Linux 6.9
constexpr Name memory_flag_rows[] = {{MPOL_F_STATIC_NODES, "MPOL_F_STATIC_NODES"},
                                     {MPOL_F_RELATIVE_NODES, "MPOL_F_RELATIVE_NODES"},
                                     {MPOL_F_NUMA_BALANCING, "MPOL_F_NUMA_BALANCING"}};
constexpr Name personality_rows[] = {{PER_LINUX, "LINUX"}, {PER_LINUX32, "LINUX32"}};

}  // namespace

const std::span<const Name> scheduler_policies = policy_rows, scheduler_flags = policy_flag_rows;
const std::span<const Name> io_classes = io_class_rows;
const std::span<const Name> memory_modes = memory_mode_rows, memory_mode_flags = memory_flag_rows;
const std::span<const Name> personalities = personality_rows;

std::string_view name_of(std::span<const Name> table, std::uint64_t number) {
  const auto found = std::ranges::find(table, number, &Name::number);
  return found != table.end() ? found->name : "unknown";
}

std::optional<std::uint64_t> number_of(std::span<const Name> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Name::name);
  return found != table.end() ? std::optional(found->number) : std::nullopt;
}

std::vector<std::string> names_of_bits(std::span<const Name> table, std::uint64_t bits) {
  std::vector<std::string> names;
  for (const auto& row : table)
    if (bits & row.number) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> namespace_names(std::uint64_t clone_flags) {
  return names_of_bits(namespaces, clone_flags);
}

std::vector<std::string> mount_attribute_names(std::uint64_t bits) { return names_of_bits(attributes, bits); }

std::string_view propagation_name(std::uint64_t flags) {
  constexpr Name names[] = {
      {MS_PRIVATE, "private"}, {MS_SLAVE, "slave"}, {MS_SHARED, "shared"}, {MS_UNBINDABLE, "unbindable"}};
  return name_of(names, flags & ~std::uint64_t{MS_REC});
}

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

std::string_view rlimit_name(int resource) { return name_of(rlimits, static_cast<std::uint64_t>(resource)); }

std::optional<int> rlimit_number(std::string_view name) {
  const auto number = number_of(rlimits, name);
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::vector<std::string_view> rlimit_names() {
  std::vector<std::string_view> names;
  for (const auto& row : rlimits) names.push_back(row.name);
  return names;
}

}  // namespace tare::plan
