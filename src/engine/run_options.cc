#include "engine/run_options.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <signal.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "plan/names.h"
#include "state/names.h"

namespace tare::engine {
namespace {

constexpr Bytes smallest_memory = 512 << 10;
constexpr NanoCpus one_cpu = 1'000'000'000, fewest_cpus = one_cpu / 100;  // the kernel's: 1 ms in 100

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

ContainerPath absolute(const std::string& what, const std::string& path) {
  if (!path.starts_with('/')) throw invalid(format("{} \"{}\" is not an absolute path", what, path));
  // As docker reads it: `.`, `..` and doubled slashes are gone before anything looks at the container's
  // files.
  std::string plain;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      plain.erase(plain.empty() ? 0 : plain.find_last_of('/'));
    else
      plain += "/" + part;
  }
  return ContainerPath(plain.empty() ? "/" : plain);
}

// Options that take effect on the mount, not on the file system inside it.
constexpr std::string_view bind_options[] = {
    "ro",    "rw",     "z",      "Z",    "bind",  "rbind", "private", "rprivate", "shared",  "rshared",
    "slave", "rslave", "nosuid", "suid", "nodev", "dev",   "noexec",  "exec",     "noatime", "nodiratime"};

struct Signal {
  std::string_view name;
  int number;
};
constexpr Signal signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"BUS", SIGBUS},     {"FPE", SIGFPE},   {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},   {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM},
    {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},   {"SYS", SIGSYS}};

void check_mount_points(const RunOptions& options) {
  std::vector<std::string> taken;
  const auto take = [&](const ContainerPath& path) {
    if (std::ranges::find(taken, path.value) != taken.end())
      throw invalid(format("Duplicate mount point: {}", path.value));
    taken.push_back(path.value);
  };
  for (const auto& bind : options.binds) take(bind.destination);
  for (const auto& tmpfs : options.tmpfs) take(tmpfs.destination);
}

}  // namespace

Bind parse_bind(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3 || parts.size() < 2)
    throw invalid(format("\"{}\" is not SOURCE:DESTINATION[:OPTIONS]", text),
                  parts.size() == 1 ? "volumes without a host path are not supported yet" : "");
  Bind bind{.source = parts[0], .destination = absolute("the destination", parts[1]), .options = {}};
  if (!bind.source.starts_with('/') && !bind.source.starts_with("./") && !bind.source.starts_with("../") &&
      bind.source != "." && bind.source != "..")
    throw invalid(format("\"{}\" is no host path: it must start with /, ./ or ../", bind.source),
                  "named volumes are not supported yet");
  bool recursive = true;
  if (parts.size() == 3)
    for (auto& option : split(parts[2], ',')) {
      if (option == "bind") recursive = false;
      if (std::ranges::find(bind_options, option) == std::end(bind_options))
        throw invalid(format("unknown option \"{}\" in \"{}\"", option, text));
      bind.options.push_back(std::move(option));
    }
  bind.options.insert(bind.options.begin(), recursive ? "rbind" : "bind");
  return bind;
}

Tmpfs parse_tmpfs(const std::string& text) {
  const auto colon = text.find(':');
  Tmpfs tmpfs{.destination = absolute("the destination", text.substr(0, colon)),
              .options = {"noexec", "nosuid", "nodev"}};
  if (colon == std::string::npos) return tmpfs;
  for (auto& option : split(text.substr(colon + 1), ',')) {
    if (option.starts_with("size=")) option = format("size={}", parse_size(option.substr(5)));
    if (!option.empty()) tmpfs.options.push_back(std::move(option));
  }
  return tmpfs;
}

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

Network parse_network(const std::string& text) {
  if (text == "none") return Network::none;
  if (text == "host") return Network::host;
  throw invalid(format("network {} not found", text), "there are: none, host");
}

int parse_signal(const std::string& text) {
  std::string name = text;
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);
  const auto* found = std::ranges::find(signals, name, &Signal::name);
  if (found != std::end(signals)) return found->number;
  if (!name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; }))
    return parse_integer<int>(name, 1, 64);
  throw invalid(format("invalid signal: {}", text));
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

void validate(RunOptions& options) {
  if (!options.name.empty() && !state::is_name(options.name))
    throw invalid(
        format("Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", options.name));
  if (!options.stop_signal.empty()) (void)parse_signal(options.stop_signal);
  std::string& directory = options.working_directory.value;
  if (directory.empty()) directory = "/";
  if (!directory.starts_with('/'))
    throw invalid(
        format("the working directory '{}' is invalid, it needs to be an absolute path", directory));
  options.working_directory = absolute("the working directory", directory);
  if (options.rootfs_writable && options.read_only)
    throw invalid("--rootfs-rw and --read-only contradict each other");
  check_mount_points(options);
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

void do_without_swap_accounting(RunOptions& options) {
  auto& limit = options.resources.memory_swap;
  if (limit && *limit >= 0 && !options.swap_limit_is_derived)
    throw Error(ErrorKind::unsupported,
                "--memory-swap was asked for, but swap is not counted here (no swap accounting)", 0,
                "leave it out, or boot the host with swapaccount=1");
  limit.reset();
}

}  // namespace tare::engine
