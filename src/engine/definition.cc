#include "engine/definition.h"

#include "base/error.h"
#include "base/json_fields.h"
#include "sys/file.h"

namespace tare::json {

using engine::Definition, engine::RunOptions;

template <>
inline constexpr auto fields<oci::Rlimit> =
    std::tuple{Field{"resource", &oci::Rlimit::resource}, Field{"soft", &oci::Rlimit::soft},
               Field{"hard", &oci::Rlimit::hard}};
template <>
inline constexpr auto fields<oci::IdMapping> =
    std::tuple{Field{"container", &oci::IdMapping::container}, Field{"host", &oci::IdMapping::host},
               Field{"size", &oci::IdMapping::size}};
template <>
inline constexpr auto fields<oci::DeviceRule> =
    std::tuple{Field{"allow", &oci::DeviceRule::allow}, Field{"type", &oci::DeviceRule::type},
               Field{"major", &oci::DeviceRule::major}, Field{"minor", &oci::DeviceRule::minor},
               Field{"read", &oci::DeviceRule::read},   Field{"write", &oci::DeviceRule::write},
               Field{"mknod", &oci::DeviceRule::mknod}};
template <>
inline constexpr auto fields<oci::Resources> =
    std::tuple{Field{"memory_limit", &oci::Resources::memory_limit},
               Field{"memory_swap", &oci::Resources::memory_swap},
               Field{"cpu_shares", &oci::Resources::cpu_shares},
               Field{"cpu_quota", &oci::Resources::cpu_quota},
               Field{"cpu_period", &oci::Resources::cpu_period},
               Field{"cpuset_cpus", &oci::Resources::cpuset_cpus},
               Field{"cpuset_mems", &oci::Resources::cpuset_mems},
               Field{"pids_limit", &oci::Resources::pids_limit},
               Field{"block_io_weight", &oci::Resources::block_io_weight},
               Field{"devices", &oci::Resources::devices}};
template <>
inline constexpr auto fields<engine::Bind> =
    std::tuple{Field{"source", &engine::Bind::source},       Field{"destination", &engine::Bind::destination},
               Field{"options", &engine::Bind::options},     Field{"must_exist", &engine::Bind::must_exist},
               Field{"is_volume", &engine::Bind::is_volume}, Field{"anonymous", &engine::Bind::anonymous},
               Field{"volume", &engine::Bind::volume},       Field{"copies_up", &engine::Bind::copies_up},
               Field{"labels", &engine::Bind::labels}};
template <>
inline constexpr auto fields<engine::VolumesFrom> = std::tuple{
    Field{"container", &engine::VolumesFrom::container}, Field{"read_only", &engine::VolumesFrom::read_only}};
template <>
inline constexpr auto fields<engine::Tmpfs> =
    std::tuple{Field{"destination", &engine::Tmpfs::destination}, Field{"options", &engine::Tmpfs::options}};
template <>
inline constexpr auto fields<engine::Device> =
    std::tuple{Field{"host", &engine::Device::host}, Field{"container", &engine::Device::container},
               Field{"access", &engine::Device::access}};
template <>
inline constexpr auto fields<engine::NamespaceChoice> = std::tuple{
    Field{"mode", &engine::NamespaceChoice::mode}, Field{"container", &engine::NamespaceChoice::container}};
template <>
inline constexpr auto fields<oci::KernelParameter> =
    std::tuple{Field{"name", &oci::KernelParameter::name}, Field{"value", &oci::KernelParameter::value}};
template <>
inline constexpr auto fields<store::Rootfs> =
    std::tuple{Field{"layers", &store::Rootfs::layers}, Field{"written_to", &store::Rootfs::written_to}};

template <>
inline constexpr auto fields<monitor::LogLimits> = std::tuple{
    Field{"max_size", &monitor::LogLimits::max_size}, Field{"max_files", &monitor::LogLimits::max_files}};
template <>
inline constexpr auto fields<engine::LogOptions> = std::tuple{
    Field{"driver", &engine::LogOptions::driver}, Field{"limits", &engine::LogOptions::limits},
    Field{"labels", &engine::LogOptions::labels}, Field{"variables", &engine::LogOptions::variables}};

template <>
inline constexpr auto fields<RunOptions> =
    std::tuple{Field{"interactive", &RunOptions::interactive},
               Field{"terminal", &RunOptions::terminal},
               Field{"detached", &RunOptions::detached},
               Field{"remove", &RunOptions::remove},
               Field{"read_only", &RunOptions::read_only},
               Field{"rootfs_writable", &RunOptions::rootfs_writable},
               Field{"name", &RunOptions::name},
               Field{"hostname", &RunOptions::hostname},
               Field{"user", &RunOptions::user},
               Field{"cgroup_parent", &RunOptions::cgroup_parent},
               Field{"stop_signal", &RunOptions::stop_signal},
               Field{"stop_timeout", &RunOptions::stop_timeout},
               Field{"working_directory", &RunOptions::working_directory},
               Field{"environment", &RunOptions::environment},
               Field{"entrypoint", &RunOptions::entrypoint},
               Field{"binds", &RunOptions::binds},
               Field{"tmpfs", &RunOptions::tmpfs},
               Field{"volumes_from", &RunOptions::volumes_from},
               Field{"resources", &RunOptions::resources},
               Field{"swap_limit_is_derived", &RunOptions::swap_limit_is_derived},
               Field{"limits", &RunOptions::limits},
               Field{"network", &RunOptions::network},
               Field{"network_container", &RunOptions::network_container},
               Field{"pid", &RunOptions::pid},
               Field{"ipc", &RunOptions::ipc},
               Field{"uts", &RunOptions::uts},
               Field{"cgroup_namespace", &RunOptions::cgroup_namespace},
               Field{"domainname", &RunOptions::domainname},
               Field{"devices", &RunOptions::devices},
               Field{"device_rules", &RunOptions::device_rules},
               Field{"sysctl", &RunOptions::sysctl},
               Field{"shm_size", &RunOptions::shm_size},
               Field{"oom_score_adj", &RunOptions::oom_score_adj},
               Field{"init", &RunOptions::init},
               Field{"groups", &RunOptions::groups},
               Field{"user_namespace", &RunOptions::user_namespace},
               Field{"uid_mappings", &RunOptions::uid_mappings},
               Field{"gid_mappings", &RunOptions::gid_mappings},
               Field{"mappings_are_chosen", &RunOptions::mappings_are_chosen},
               Field{"privileged", &RunOptions::privileged},
               Field{"security_options", &RunOptions::security_options},
               Field{"seccomp_profile", &RunOptions::seccomp_profile},
               Field{"capabilities_added", &RunOptions::capabilities_added},
               Field{"capabilities_dropped", &RunOptions::capabilities_dropped},
               Field{"rootfs", &RunOptions::rootfs},
               Field{"labels", &RunOptions::labels},
               Field{"log", &RunOptions::log},
               Field{"command", &RunOptions::command}};
template <>
inline constexpr auto fields<Definition> =
    std::tuple{Field{"options", &Definition::options}, Field{"rootfs", &Definition::rootfs},
               Field{"root_is_copied", &Definition::root_is_copied}};

}  // namespace tare::json

namespace tare::engine {
namespace {

std::string path_in(const HostPath& directory) { return (directory / "options.json").value; }

}  // namespace

void write_definition(const HostPath& directory, const Definition& definition) {
  sys::replace_file(sys::here, path_in(directory), json::compact(json::to_json(definition)) + "\n", 0600);
}

std::optional<Definition> read_definition(const HostPath& directory) {
  const auto text = sys::try_read_file(sys::here, path_in(directory));
  if (!text) return std::nullopt;
  const std::string path = path_in(directory);
  Step step("read", path);
  Definition definition;
  json::from_json(json::parse(*text), definition, "the definition");
  return definition;
}

bool has_definition(const HostPath& directory) { return sys::exists(sys::here, path_in(directory)); }

}  // namespace tare::engine
