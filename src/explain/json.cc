#include "explain/json.h"

#include "base/json_fields.h"
#include "explain/capability_words.h"
#include "explain/shown.h"

namespace tare::json {

template <>
inline constexpr auto fields<explain::Namespace> = std::tuple{
    Field{"kind", &explain::Namespace::kind}, Field{"inode", &explain::Namespace::inode},
    Field{"is_hosts", &explain::Namespace::is_hosts}, Field{"containers", &explain::Namespace::containers}};
template <>
inline constexpr auto fields<oci::IdMapping> =
    std::tuple{Field{"container", &oci::IdMapping::container}, Field{"host", &oci::IdMapping::host},
               Field{"size", &oci::IdMapping::size}};
template <>
inline constexpr auto fields<explain::CgroupPath> = std::tuple{
    Field{"hierarchy", &explain::CgroupPath::hierarchy}, Field{"path", &explain::CgroupPath::path}};
template <>
inline constexpr auto fields<explain::Limits> =
    std::tuple{Field{"cgroups", &explain::Limits::cgroups},
               Field{"memory", &explain::Limits::memory},
               Field{"memory_limit", &explain::Limits::memory_limit},
               Field{"memory_peak", &explain::Limits::memory_peak},
               Field{"swap_limit", &explain::Limits::swap_limit},
               Field{"memory_kills", &explain::Limits::memory_kills},
               Field{"processes", &explain::Limits::processes},
               Field{"processes_limit", &explain::Limits::processes_limit},
               Field{"processes_peak", &explain::Limits::processes_peak},
               Field{"cpu_shares", &explain::Limits::cpu_shares},
               Field{"cpu_weight", &explain::Limits::cpu_weight},
               Field{"cpu_quota", &explain::Limits::cpu_quota},
               Field{"cpu_period", &explain::Limits::cpu_period},
               Field{"cpu_nanoseconds", &explain::Limits::cpu_nanoseconds},
               Field{"throttled_periods", &explain::Limits::throttled_periods},
               Field{"throttled_nanoseconds", &explain::Limits::throttled_nanoseconds},
               Field{"block_io_weight", &explain::Limits::block_io_weight},
               Field{"cpus", &explain::Limits::cpus},
               Field{"memory_nodes", &explain::Limits::memory_nodes}};
template <>
inline constexpr auto fields<explain::Mount> =
    std::tuple{Field{"where", &explain::Mount::where},
               Field{"type", &explain::Mount::type},
               Field{"options", &explain::Mount::options},
               Field{"filesystem_options", &explain::Mount::filesystem_options},
               Field{"origin", &explain::Mount::origin},
               Field{"from", &explain::Mount::from},
               Field{"layers", &explain::Mount::layers},
               Field{"size", &explain::Mount::size},
               Field{"is_read_only", &explain::Mount::is_read_only}};
template <>
inline constexpr auto fields<explain::ResourceLimit> = std::tuple{
    Field{"name", &explain::ResourceLimit::name}, Field{"soft", &explain::ResourceLimit::soft},
    Field{"hard", &explain::ResourceLimit::hard}, Field{"host_soft", &explain::ResourceLimit::host_soft},
    Field{"host_hard", &explain::ResourceLimit::host_hard}};
template <>
inline constexpr auto fields<explain::Seccomp> = std::tuple{
    Field{"mode", &explain::Seccomp::mode}, Field{"filters", &explain::Seccomp::filters},
    Field{"policy", &explain::Seccomp::policy}, Field{"calls_allowed", &explain::Seccomp::calls_allowed},
    Field{"blocked", &explain::Seccomp::blocked}};
template <>
inline constexpr auto fields<explain::Rights> =
    std::tuple{Field{"pid", &explain::Rights::pid},
               Field{"last_capability", &explain::Rights::last_capability},
               Field{"no_new_privileges", &explain::Rights::no_new_privileges},
               Field{"seccomp", &explain::Rights::seccomp},
               Field{"label", &explain::Rights::label},
               Field{"oom_score_adjustment", &explain::Rights::oom_score_adjustment},
               Field{"resource_limits", &explain::Rights::resource_limits}};
template <>
inline constexpr auto fields<explain::Process> =
    std::tuple{Field{"pid", &explain::Process::pid},
               Field{"inner_pid", &explain::Process::inner_pid},
               Field{"user", &explain::Process::user},
               Field{"user_name", &explain::Process::user_name},
               Field{"inner_user", &explain::Process::inner_user},
               Field{"state", &explain::Process::state},
               Field{"command", &explain::Process::command}};
template <>
inline constexpr auto fields<explain::Port> =
    std::tuple{Field{"protocol", &explain::Port::protocol}, Field{"address", &explain::Port::address},
               Field{"port", &explain::Port::port}};
template <>
inline constexpr auto fields<explain::Container> =
    std::tuple{Field{"id", &explain::Container::id},
               Field{"name", &explain::Container::name},
               Field{"pid", &explain::Container::pid},
               Field{"namespaces", &explain::Container::namespaces},
               Field{"uid_mappings", &explain::Container::uid_mappings},
               Field{"gid_mappings", &explain::Container::gid_mappings},
               Field{"limits", &explain::Container::limits},
               Field{"mounts", &explain::Container::mounts},
               Field{"rights", &explain::Container::rights},
               Field{"processes", &explain::Container::processes},
               Field{"ports", &explain::Container::ports}};
template <>
inline constexpr auto fields<explain::Difference> =
    std::tuple{Field{"what", &explain::Difference::what}, Field{"first", &explain::Difference::first},
               Field{"second", &explain::Difference::second}};
template <>
inline constexpr auto fields<explain::Comparison> =
    std::tuple{Field{"first", &explain::Comparison::first},
               Field{"second", &explain::Comparison::second},
               Field{"namespaces", &explain::Comparison::namespaces},
               Field{"layers", &explain::Comparison::layers},
               Field{"volumes", &explain::Comparison::volumes},
               Field{"cgroup_parents", &explain::Comparison::cgroup_parents},
               Field{"differences", &explain::Comparison::differences}};

}  // namespace tare::json

namespace tare::explain {
namespace {

json::array names_of(std::uint64_t set) {
  json::array names;
  for (int i = 0; i < 64; i++)
    if (set >> i & 1) names.emplace_back(capability_name(i));
  return names;
}

}  // namespace

std::string to_json(const Container& container) {
  json::value all = json::to_json(container);
  const oci::Capabilities& sets = container.rights.capabilities;
  all.as_object()["rights"].as_object()["capabilities"] =
      json::object{{"bounding", names_of(sets.bounding)},
                   {"effective", names_of(sets.effective)},
                   {"permitted", names_of(sets.permitted)},
                   {"inheritable", names_of(sets.inheritable)},
                   {"ambient", names_of(sets.ambient)}};
  return shown_json(json::pretty(all));
}

std::string to_json(const Comparison& comparison) {
  return shown_json(json::pretty(json::to_json(comparison)));
}

}  // namespace tare::explain
