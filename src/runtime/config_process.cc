// The object "process" of config.json (config.md, "Process"), which is also the whole of process.json.
#include <algorithm>
#include <cctype>
#include <linux/ioprio.h>
#include <sched.h>

#include "plan/names.h"
#include "runtime/config_fields.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;

constexpr KnownField<oci::Process> console_size_fields[] = {
    {"height", [](const Node& n, oci::Process& p) { p.rows = n.integer<std::uint16_t>(); }},
    {"width", [](const Node& n, oci::Process& p) { p.columns = n.integer<std::uint16_t>(); }},
};

constexpr KnownField<oci::User> user_fields[] = {
    {"uid", [](const Node& n, oci::User& u) { u.uid = n.integer<std::uint32_t>(); }},
    {"gid", [](const Node& n, oci::User& u) { u.gid = n.integer<std::uint32_t>(); }},
    {"umask", [](const Node& n, oci::User& u) { u.umask = n.integer<std::uint32_t>(0, 0777); }},
    {"additionalGids",
     [](const Node& n, oci::User& u) {
       n.for_each_element(
           [&](const Node& gid) { u.additional_gids.push_back(gid.integer<std::uint32_t>()); });
     }},
};

// A name that this program does not know is passed over: "the runtime MUST log a warning and continue" is for
// capabilities that cannot be granted, as those that a newer kernel has.
std::uint64_t read_capability_set(const Node& node) {
  std::uint64_t set = 0;
  node.for_each_element([&](const Node& element) {
    std::string name = element.text();
    if (name.starts_with("CAP_")) name.erase(0, 4);
    if (const auto number = plan::capability_number(name)) set |= std::uint64_t{1} << *number;
  });
  return set;
}

constexpr KnownField<oci::Capabilities> capability_fields[] = {
    {"bounding", [](const Node& n, oci::Capabilities& c) { c.bounding = read_capability_set(n); }},
    {"effective", [](const Node& n, oci::Capabilities& c) { c.effective = read_capability_set(n); }},
    {"permitted", [](const Node& n, oci::Capabilities& c) { c.permitted = read_capability_set(n); }},
    {"inheritable", [](const Node& n, oci::Capabilities& c) { c.inheritable = read_capability_set(n); }},
    {"ambient", [](const Node& n, oci::Capabilities& c) { c.ambient = read_capability_set(n); }},
};

int read_resource(const Node& node) {
  std::string name = node.text();
  if (name.starts_with("RLIMIT_")) {
    name.erase(0, 7);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (const auto number = plan::rlimit_number(name)) return *number;
  }
  node.refuse("unknown resource limit");
}

constexpr KnownField<oci::Rlimit> rlimit_fields[] = {
    {"type", [](const Node& n, oci::Rlimit& limit) { limit.resource = read_resource(n); }},
    {"soft", [](const Node& n, oci::Rlimit& limit) { limit.soft = n.integer<std::uint64_t>(); }},
    {"hard", [](const Node& n, oci::Rlimit& limit) { limit.hard = n.integer<std::uint64_t>(); }},
};

void read_rlimits(const Node& node, oci::Process& process) {
  node.for_each_element([&](const Node& element) {
    oci::Rlimit limit{.resource = -1};
    read_fields(element, limit, rlimit_fields);
    if (limit.resource < 0) element.refuse("type", "it is missing");
    if (limit.soft > limit.hard) element.refuse("soft", "it is above the hard limit");
    if (std::ranges::find(process.rlimits, limit.resource, &oci::Rlimit::resource) != process.rlimits.end())
      element.refuse("type", "there are two limits of this type");
    process.rlimits.push_back(limit);
  });
}

constexpr KnownField<Scheduler> scheduler_fields[] = {
    {"policy",
     [](const Node& n, Scheduler& s) {
       s.policy = static_cast<std::uint32_t>(read_name(n, plan::scheduler_policies));
     }},
    {"nice", [](const Node& n, Scheduler& s) { s.nice = n.integer<std::int32_t>(-20, 19); }},
    {"priority",
     [](const Node& n, Scheduler& s) {
       s.priority = static_cast<std::uint32_t>(n.integer<std::int32_t>(0, 99));
     }},
    {"flags",
     [](const Node& n, Scheduler& s) {
       n.for_each_element([&](const Node& flag) { s.flags |= read_name(flag, plan::scheduler_flags); });
     }},
    {"runtime", [](const Node& n, Scheduler& s) { s.runtime = n.integer<std::uint64_t>(); }},
    {"deadline", [](const Node& n, Scheduler& s) { s.deadline = n.integer<std::uint64_t>(); }},
    {"period", [](const Node& n, Scheduler& s) { s.period = n.integer<std::uint64_t>(); }},
};

// What the kernel would pass over for a policy that does not have it is no container that was asked for.
void read_scheduler(const Node& node, oci::Process& process) {
  Scheduler scheduler;
  if (!node.fields().contains("policy")) node.refuse("policy", "it is missing");
  read_fields(node, scheduler, scheduler_fields);
  const std::uint32_t policy = scheduler.policy;
  if (scheduler.priority != 0 && policy != SCHED_FIFO && policy != SCHED_RR)
    node.refuse("priority", "it is for SCHED_FIFO and SCHED_RR");
  if ((scheduler.runtime | scheduler.deadline | scheduler.period) != 0 && policy != SCHED_DEADLINE)
    node.refuse("policy", "runtime, deadline and period are for SCHED_DEADLINE");
  process.scheduler = scheduler;
}

struct IoPriority {
  std::optional<std::uint64_t> io_class;
  std::uint16_t level = 0;
};
constexpr KnownField<IoPriority> io_priority_fields[] = {
    {"class", [](const Node& n, IoPriority& p) { p.io_class = read_name(n, plan::io_classes); }},
    {"priority", [](const Node& n, IoPriority& p) { p.level = n.integer<std::uint16_t>(0, 7); }},
};

void read_io_priority(const Node& node, oci::Process& process) {
  IoPriority priority;
  read_fields(node, priority, io_priority_fields);
  if (!priority.io_class) node.refuse("class", "it is missing");
  process.io_priority = IOPRIO_PRIO_VALUE(*priority.io_class, priority.level);
}

constexpr KnownField<oci::ProcessorAffinity> affinity_fields[] = {
    {"initial", [](const Node& n, oci::ProcessorAffinity& a) { a.initial = read_number_list(n); }},
    {"final", [](const Node& n, oci::ProcessorAffinity& a) { a.final = read_number_list(n); }},
};

constexpr KnownField<oci::Process> process_fields[] = {
    {"terminal", [](const Node& n, oci::Process& p) { p.terminal = n.flag(); }},
    {"consoleSize", [](const Node& n, oci::Process& p) { read_fields(n, p, console_size_fields); }},
    {"cwd", [](const Node& n, oci::Process& p) { p.cwd = ContainerPath(n.text()); }},
    {"env", [](const Node& n, oci::Process& p) { p.env = n.texts(); }},
    {"args", [](const Node& n, oci::Process& p) { p.args = n.texts(); }},
    {"user", [](const Node& n, oci::Process& p) { read_fields(n, p.user, user_fields); }},
    {"capabilities",
     [](const Node& n, oci::Process& p) { read_fields(n, p.capabilities, capability_fields); }},
    {"rlimits", read_rlimits},
    {"noNewPrivileges", [](const Node& n, oci::Process& p) { p.no_new_privileges = n.flag(); }},
    {"oomScoreAdj", [](const Node& n, oci::Process& p) { p.oom_score_adj = n.integer<int>(-1000, 1000); }},
    {"apparmorProfile", [](const Node& n, oci::Process& p) { p.apparmor_profile = n.text(); }},
    {"selinuxLabel", [](const Node& n, oci::Process& p) { p.selinux_label = n.text(); }},
    {"scheduler", read_scheduler},
    {"ioPriority", read_io_priority},
    {"execCPUAffinity",
     [](const Node& n, oci::Process& p) { read_fields(n, p.affinity_of_exec, affinity_fields); }},
};

}  // namespace

void read_process(const Node& node, oci::Process& process) {
  read_fields(node, process, process_fields);
  if (process.args.empty()) node.refuse("args", "it is missing");
  if (!node.fields().contains("cwd")) node.refuse("cwd", "it is missing");
  if (!process.cwd.value.starts_with('/')) node.refuse("cwd", "it is not an absolute path");
}

}  // namespace tare::runtime
