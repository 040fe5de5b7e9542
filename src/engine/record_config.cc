#include "engine/record_config.h"

#include "base/json.h"
#include "plan/names.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

json::array texts(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

json::array limits(const std::vector<oci::Rlimit>& rlimits) {
  json::array array;
  for (const auto& limit : rlimits)
    array.push_back(json::object{{"Name", plan::rlimit_name(limit.resource)},
                                 {"Soft", static_cast<std::int64_t>(limit.soft)},
                                 {"Hard", static_cast<std::int64_t>(limit.hard)}});
  return array;
}

json::array mounts(const RunOptions& options) {
  json::array array;
  for (const auto& bind : options.binds)
    array.push_back(json::object{{"Type", "bind"},
                                 {"Source", bind.source},
                                 {"Destination", bind.destination.value},
                                 {"Options", texts(bind.options)}});
  for (const auto& tmpfs : options.tmpfs)
    array.push_back(json::object{
        {"Type", "tmpfs"}, {"Destination", tmpfs.destination.value}, {"Options", texts(tmpfs.options)}});
  return array;
}

}  // namespace

void write_config(const HostPath& directory, const RunOptions& options, const oci::RuntimeConfig& config) {
  const oci::Process& process = config.process;
  const oci::Resources& resources = config.resources;
  const json::object object{
      {"Mounts", mounts(options)},
      {"Config", json::object{{"Hostname", config.hostname},
                              {"User", options.user},
                              {"Tty", process.terminal},
                              {"OpenStdin", options.interactive},
                              {"Env", texts(process.env)},
                              {"Cmd", texts(process.args)},
                              {"WorkingDir", process.cwd.value},
                              {"StopSignal", options.stop_signal.empty() ? "SIGTERM" : options.stop_signal}}},
      {"HostConfig", json::object{{"NetworkMode", options.network == Network::host ? "host" : "none"},
                                  {"AutoRemove", options.remove},
                                  {"ReadonlyRootfs", options.read_only},
                                  {"CpuShares", static_cast<std::int64_t>(resources.cpu_shares.value_or(0))},
                                  {"CpuQuota", resources.cpu_quota.value_or(0)},
                                  {"CpuPeriod", static_cast<std::int64_t>(resources.cpu_period.value_or(0))},
                                  {"CpusetCpus", resources.cpuset_cpus},
                                  {"Memory", resources.memory_limit.value_or(0)},
                                  {"MemorySwap", resources.memory_swap.value_or(0)},
                                  {"PidsLimit", resources.pids_limit.value_or(0)},
                                  {"CgroupParent", options.cgroup_parent},
                                  {"Ulimits", limits(process.rlimits)}}}};
  sys::replace_file(sys::here, (directory / "config.json").value, json::compact(object) + "\n", 0600);
}

}  // namespace tare::engine
