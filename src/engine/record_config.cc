#include "engine/record_config.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "cgroup/devices.h"
#include "engine/container_config.h"
#include "engine/namespaces.h"
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

json::object labels(const RunOptions& options) {
  json::object object;
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    object[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return object;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const auto& part : texts) text.append(text.empty() ? "" : ",").append(part);
  return text;
}

// The last of ro and rw counts.
json::object mount(const char* type, const ContainerPath& destination,
                   const std::vector<std::string>& options) {
  const auto last = std::ranges::find_if(options.rbegin(), options.rend(), [](const std::string& option) {
    return option == "ro" || option == "rw";
  });
  return {{"Type", type},
          {"Source", ""},
          {"Destination", destination.value},
          {"Mode", joined(options)},
          {"RW", last == options.rend() || *last == "rw"},
          {"Propagation", ""}};
}

json::array mappings(const std::vector<oci::IdMapping>& ids) {
  json::array array;
  for (const auto& one : ids)
    array.push_back(json::value(format("{}:{}:{}", one.container, one.host, one.size)));
  return array;
}

json::array mounts(const RunOptions& options) {
  json::array array;
  for (const auto& bind : options.binds) {
    json::object object = mount(bind.is_volume ? "volume" : "bind", bind.destination, bind.options);
    object["Source"] = bind.source;
    object["Mode"] = joined({bind.options.begin() + 1, bind.options.end()});  // rbind is not of the user's
    if (bind.is_volume) {
      object["Name"] = bind.volume;
      object["Driver"] = "local";
    } else {
      object["Propagation"] = "rprivate";
    }
    array.push_back(std::move(object));
  }
  for (const auto& tmpfs : options.tmpfs) array.push_back(mount("tmpfs", tmpfs.destination, tmpfs.options));
  return array;
}

// Where its files are, in docker's shape; `Layers` are the ones below its own, topmost first.
json::object graph_driver(const oci::Root& root) {
  json::object data{{"MergedDir", root.path.value}};
  json::array layers;
  for (const auto& layer : root.lower) layers.emplace_back(layer.value);
  if (!root.lower.empty()) {
    data["UpperDir"] = root.upper.value;
    data["WorkDir"] = root.work.value;
  } else {
    layers.emplace_back(root.path.value);
  }
  data["Layers"] = std::move(layers);
  return {{"Name", root.lower.empty() ? "directory" : "overlay"}, {"Data", std::move(data)}};
}

json::array devices(const RunOptions& options) {
  json::array array;
  for (const auto& device : options.devices)
    array.push_back(json::object{{"PathOnHost", device.host},
                                 {"PathInContainer", device.container.value},
                                 {"CgroupPermissions", device.access}});
  return array;
}

json::array device_rules(const RunOptions& options) {
  json::array array;
  for (const auto& rule : options.device_rules) array.emplace_back(cgroup::to_text(rule));
  return array;
}

json::object sysctls(const RunOptions& options) {
  json::object object;
  for (const auto& parameter : options.sysctl) object[parameter.name] = parameter.value;
  return object;
}

// The container's own is the empty text, but for IPC and cgroups.
std::string mode(const NamespaceChoice& choice) {
  return choice.mode == NamespaceChoice::Mode::own ? "" : to_text(choice);
}

std::string network_mode(const RunOptions& options) {
  switch (options.network) {
    case Network::none: return "none";
    case Network::host: return "host";
    case Network::container: break;
  }
  return "container:" + options.network_container;
}

json::value entrypoint(const RunOptions& options) {
  if (!options.entrypoint || options.entrypoint->empty()) return nullptr;
  return texts(*options.entrypoint);
}

json::array command(const RunOptions& options, const oci::Process& process) {
  const auto size = static_cast<std::ptrdiff_t>(options.entrypoint ? options.entrypoint->size() : 0);
  return texts({process.args.begin() + size, process.args.end()});
}

// What is nobody else's business than the machine's.
void add_isolation(json::object& host_config, const RunOptions& options) {
  host_config["BlkioWeight"] = std::int64_t{options.resources.block_io_weight.value_or(0)};
  host_config["Devices"] = devices(options);
  host_config["DeviceCgroupRules"] = device_rules(options);
  host_config["Sysctls"] = sysctls(options);
  host_config["ShmSize"] = options.shm_size.value_or(default_shm_size);
  host_config["OomScoreAdj"] = options.oom_score_adj.value_or(0);
  host_config["Init"] = options.init;
  host_config["PidMode"] = mode(options.pid);
  host_config["IpcMode"] = to_text(options.ipc);
  host_config["UTSMode"] = mode(options.uts);
  host_config["CgroupnsMode"] = to_text(options.cgroup_namespace);
}

}  // namespace

void write_config(const HostPath& directory, const RunOptions& options, const oci::RuntimeConfig& config) {
  const oci::Process& process = config.process;
  const oci::Resources& resources = config.resources;
  json::object object{
      {"Mounts", mounts(options)},
      {"GraphDriver", graph_driver(config.root)},
      {"Config", json::object{{"Hostname", config.hostname},
                              {"Domainname", options.domainname},
                              {"User", options.user},
                              {"Tty", process.terminal},
                              {"OpenStdin", options.interactive},
                              {"Env", texts(process.env)},
                              {"Labels", labels(options)},
                              {"Image", options.rootfs},
                              {"Entrypoint", entrypoint(options)},
                              {"Cmd", command(options, process)},
                              {"WorkingDir", process.cwd.value},
                              {"StopSignal", options.stop_signal.empty() ? "SIGTERM" : options.stop_signal}}},
      {"HostConfig", json::object{{"NetworkMode", network_mode(options)},
                                  {"AutoRemove", options.remove},
                                  {"LogConfig", to_log_config(options.log)},
                                  {"ReadonlyRootfs", options.read_only},
                                  {"Privileged", options.privileged},
                                  {"CapAdd", texts(options.capabilities_added)},
                                  {"CapDrop", texts(options.capabilities_dropped)},
                                  {"GroupAdd", texts(options.groups)},
                                  {"SecurityOpt", texts(options.security_options)},
                                  {"UsernsMode", options.user_namespace},
                                  {"IDMappings", json::object{{"UidMap", mappings(config.uid_mappings)},
                                                              {"GidMap", mappings(config.gid_mappings)}}},
                                  {"CpuShares", static_cast<std::int64_t>(resources.cpu_shares.value_or(0))},
                                  {"CpuQuota", resources.cpu_quota.value_or(0)},
                                  {"CpuPeriod", static_cast<std::int64_t>(resources.cpu_period.value_or(0))},
                                  {"CpusetCpus", resources.cpuset_cpus},
                                  {"Memory", resources.memory_limit.value_or(0)},
                                  {"MemorySwap", resources.memory_swap.value_or(0)},
                                  {"PidsLimit", resources.pids_limit.value_or(0)},
                                  {"CgroupParent", options.cgroup_parent},
                                  {"Ulimits", limits(process.rlimits)}}}};
  add_isolation(object["HostConfig"].get_object(), options);
  sys::replace_file(sys::here, (directory / "config.json").value, json::compact(object) + "\n", 0600);
}

}  // namespace tare::engine
