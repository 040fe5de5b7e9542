#include "engine/run_options.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <signal.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "engine/capabilities.h"
#include "engine/namespaces.h"
#include "engine/security_options.h"
#include "engine/user_namespace.h"
#include "plan/names.h"
#include "runtime/kernel_parameters.h"
#include "state/names.h"

namespace tare::engine {
namespace {

constexpr Bytes smallest_memory = 512 << 10;
constexpr NanoCpus one_cpu = 1'000'000'000, fewest_cpus = one_cpu / 100;  // the kernel's: 1 ms in 100

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

}  // namespace

oci::Rlimit parse_limit(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) throw invalid(format("\"{}\" is not NAME=SOFT[:HARD]", text));
  const auto resource = plan::rlimit_number(text.substr(0, equals));
  if (!resource) {
    std::string known;
    for (const auto name : plan::rlimit_names()) known.append(known.empty() ? "" : " ").append(name);
    throw invalid(format("invalid ulimit type: {}", text.substr(0, equals)), "one of " + known);
  }
  const auto value = [](const std::string& number) {
    if (number == "-1" || number == "unlimited") return static_cast<std::uint64_t>(RLIM_INFINITY);
    return parse_integer<std::uint64_t>(number);
  };
  const auto parts = split(text.substr(equals + 1), ':');
  if (parts.size() > 2) throw invalid(format("\"{}\" is not NAME=SOFT[:HARD]", text));
  const oci::Rlimit limit{.resource = *resource, .soft = value(parts[0]), .hard = value(parts.back())};
  if (limit.soft > limit.hard)
    throw invalid(format("ulimit soft limit must be less than or equal to hard limit: {}", text));
  return limit;
}

NanoCpus parse_cpu_limit(const std::string& text, long online) {
  const NanoCpus cpus = parse_cpus(text);
  if (cpus != 0 && (cpus < fewest_cpus || cpus > online * one_cpu))
    throw invalid(
        format("range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available", online));
  return cpus;
}

void read_network(const std::string& text, RunOptions& options) {
  constexpr std::string_view prefix = "container:";
  options.network_container.clear();
  if (text == "none") {
    options.network = Network::none;
    return;
  }
  if (text == "host") {
    options.network = Network::host;
    return;
  }
  if (text.starts_with(prefix) && text.size() > prefix.size()) {
    options.network = Network::container;
    options.network_container = text.substr(prefix.size());
    return;
  }
  throw invalid(format("network {} not found", text), "there are: none, host, container:NAME");
}

oci::KernelParameter parse_sysctl(const std::string& text) {
  const auto equals = text.find('=');
  oci::KernelParameter parameter{.name = runtime::normal_parameter_name(text.substr(0, equals)),
                                 .value = equals == text.npos ? "" : text.substr(equals + 1)};
  if (parameter.value.empty() || !runtime::namespace_of_parameter(parameter.name))
    throw invalid(format("sysctl '{}' is not allowed", text),
                  "NAME=VALUE with a name of a container's namespaces: net.*, fs.mqueue.*, kernel.msg*, "
                  "kernel.sem, kernel.shm*, kernel.domainname");
  return parameter;
}

std::uint16_t parse_block_io_weight(const std::string& text) {
  const auto weight = parse_integer<std::int64_t>(text);
  if (weight != 0 && (weight < 10 || weight > 1000))
    throw invalid("range of blkio weight is from 10 to 1000");
  return static_cast<std::uint16_t>(weight);
}

int parse_oom_score_adj(const std::string& text) {
  const auto value = parse_integer<std::int64_t>(text);
  if (value < -1000 || value > 1000)
    throw invalid(format("Invalid value {}, range for oom score adj is [-1000, 1000]", value));
  return static_cast<int>(value);
}

std::optional<std::string> parse_variable(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || text.empty()) throw invalid(format("invalid environment variable: {}", text));
  if (equals != std::string::npos) return text;
  const char* value = std::getenv(text.c_str());
  if (!value) return std::nullopt;
  return text + "=" + value;
}

std::vector<std::string> parse_variables(const std::string& file, const std::string& text) {
  std::vector<std::string> variables;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    line.erase(0, begin);
    if (line.find_first_of(" \t") < line.find('='))
      throw invalid(format("{}: variable \"{}\" contains whitespaces", file, line.substr(0, line.find('='))));
    if (auto variable = parse_variable(line)) variables.push_back(std::move(*variable));
  }
  return variables;
}

void check_name(const std::string& name) {
  if (!state::is_name(name))
    throw invalid(format("Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name));
}

std::string parse_label(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || text.empty()) throw invalid(format("invalid label format: \"{}\"", text), "NAME=VALUE");
  return equals == std::string::npos ? text + "=" : text;
}

std::vector<std::string> parse_label_file(const std::string& text) {
  std::vector<std::string> labels;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty() && line.front() != '#') labels.push_back(parse_label(line));
  }
  return labels;
}

void validate(RunOptions& options) {
  if (!options.name.empty()) check_name(options.name);
  if (!options.stop_signal.empty()) (void)parse_signal(options.stop_signal);
  std::string& directory = options.working_directory.value;
  if (directory.empty()) directory = "/";
  if (!directory.starts_with('/'))
    throw invalid(
        format("the working directory '{}' is invalid, it needs to be an absolute path", directory));
  options.working_directory = plain_path("the working directory", directory);
  if (options.rootfs_writable && options.read_only)
    throw invalid("--rootfs-rw and --read-only contradict each other");
  check_mount_points(options.binds, options.tmpfs);
  check_capability_names(options);
  validate_user_namespace(options);
  (void)parse_security_options(options.security_options);
  check_namespaces(options);
  if (options.domainname.size() > 64) throw invalid("a domain name has at most 64 bytes");
  if (options.hostname.size() > 64) throw invalid("a hostname has at most 64 bytes");
  if (!options.cgroup_parent.empty() && options.cgroup_parent.find("..") != std::string::npos)
    throw invalid(format("the cgroup parent {} contains ..", options.cgroup_parent));

  oci::Resources& resources = options.resources;
  if (resources.memory_limit && *resources.memory_limit < smallest_memory)
    throw invalid(format("the memory limit of {} bytes is too small", *resources.memory_limit),
                  format("Minimum memory limit allowed is {}", format_size(smallest_memory)));
  if (resources.memory_swap && !resources.memory_limit)
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (resources.memory_swap && *resources.memory_swap >= 0 &&
      *resources.memory_swap < *resources.memory_limit)
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (resources.memory_limit && !resources.memory_swap) {
    constexpr Bytes largest = std::numeric_limits<Bytes>::max();
    const Bytes memory = *resources.memory_limit;
    resources.memory_swap = memory > largest / 2 ? largest : 2 * memory;
    options.swap_limit_is_derived = true;
  }
}

PullWish::When parse_pull(const std::string& text) {
  if (text == "missing") return PullWish::When::missing;
  if (text == "always") return PullWish::When::always;
  if (text == "never") return PullWish::When::never;
  throw invalid(format("invalid pull option: '{}'", text), "must be one of always, missing or never");
}

void do_without_swap_accounting(RunOptions& options) {
  auto& limit = options.resources.memory_swap;
  if (limit && *limit >= 0 && !options.swap_limit_is_derived)
    throw Error(ErrorKind::unsupported,
                "--memory-swap was asked for, but swap is not counted here (no swap accounting)", 0,
                "leave it out, or boot the host with swapaccount=1");
  limit.reset();
}

}  // namespace tare::engine
