// tare run: a container from a directory or a tarball.
#include "engine/run.h"

#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"
#include "engine/run_options.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"interactive", 'i', Takes::nothing, "", "keep standard input open and pass it on"},
    {"tty", 't', Takes::nothing, "", "give the container a terminal"},
    {"rm", 0, Takes::nothing, "", "remove the container when it ends"},
    {"name", 0, Takes::value, "NAME", "call the container NAME (default: a random name)"},
    {"hostname", 'h', Takes::value, "NAME", "its hostname (default: the beginning of its id)"},
    {"env", 'e', Takes::value, "NAME[=VALUE]", "set a variable, or take it over from here", true},
    {"env-file", 0, Takes::value, "FILE", "set the variables in FILE, a line each", true},
    {"workdir", 'w', Takes::value, "DIR", "the working directory in the container (made if missing)"},
    {"user", 'u', Takes::value, "USER[:GROUP]",
     "run as this user: a name of the container's own, or a number"},
    {"entrypoint", 0, Takes::value, "PROGRAM", "run PROGRAM, with the command as its arguments"},
    {"read-only", 0, Takes::nothing, "", "make the root file system read-only"},
    {"rootfs-rw", 0, Takes::nothing, "", "let the container change the directory ROOTFS itself"},
    {"tmpfs", 0, Takes::value, "DIR[:OPTIONS]", "mount an empty file system in memory on DIR", true},
    {"volume", 'v', Takes::value, "SOURCE:DIR[:OPTIONS]", "show the host's SOURCE as DIR; ro for read-only",
     true},
    {"cpu-shares", 'c', Takes::value, "N", "weight when CPUs are scarce (normal: 1024)"},
    {"cpus", 0, Takes::value, "N", "at most N CPUs, such as 1.5"},
    {"cpuset-cpus", 0, Takes::value, "LIST", "only these CPUs, such as 0-2,4"},
    {"memory", 'm', Takes::value, "BYTES", "memory limit; b, k, m, g after the number"},
    {"memory-swap", 0, Takes::value, "BYTES",
     "limit of memory plus swap; -1 for no limit (default: twice the memory)"},
    {"pids-limit", 0, Takes::value, "N", "at most N processes and threads; -1 for no limit"},
    {"ulimit", 0, Takes::value, "NAME=SOFT[:HARD]", "a resource limit, such as nofile=64:64", true},
    {"network", 0, Takes::value, "none|host", "a network of its own with lo only (default), or the host's"},
    {"stop-signal", 0, Takes::value, "SIGNAL",
     "recorded for inspect and for a later `tare stop`; sends nothing itself (default: TERM)"},
    {"cgroup-parent", 0, Takes::value, "PATH", "make its cgroup below PATH"},
    {"plan", 0, Takes::nothing, "", "print what would be done, in order, and do nothing"},
};

}  // namespace

constinit const cli::Command run_command = {
    .name = "run",
    .operands = "ROOTFS [COMMAND [ARG...]]",
    .summary = "Run a command in a new container",
    .details =
        "ROOTFS starts with /, ./ or ../ and is a directory or a tarball (plain, gzip, bzip2, xz or zstd); - "
        "is a "
        "tarball on standard input. A tarball is unpacked once. The container's changes go into a layer of "
        "its "
        "own; a directory is not written to unless --rootfs-rw says so. Without a command it runs /bin/sh.\n"
        "\n"
        "The exit code is the command's, 128 + N if signal N ended it, 127 if the command does not exist, "
        "126 if "
        "it cannot be run, 125 for all other failures.\n"
        "\n"
        "Examples:\n"
        " tare run --rm -it ./busybox.tar sh\n"
        " tare run --rm -m 512m --cpus 1.5 ./rootfs /bin/server --port 80\n"
        " tare run --rm -v ./src:/src:ro -w /src ./rootfs make\n"
        " tare run --plan ./busybox.tar true",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

namespace {

void read_resources(const cli::Parsed& parsed, oci::Resources& resources) {
  resources.cpu_shares =
      parsed.value_as("cpu-shares", [](const auto& t) { return parse_integer<std::uint64_t>(t); });
  if (resources.cpu_shares == 0U) resources.cpu_shares.reset();
  const auto read_cpus = [](const std::string& text) {
    return engine::parse_cpu_limit(text, ::sysconf(_SC_NPROCESSORS_ONLN));
  };
  if (const auto cpus = parsed.value_as("cpus", read_cpus); cpus && *cpus > 0) {
    resources.cpu_period = 100'000;
    resources.cpu_quota = cpu_quota(*cpus);
  }
  resources.cpuset_cpus = parsed.value("cpuset-cpus").value_or("");
  resources.memory_limit = parsed.value_as("memory", [](const auto& t) { return parse_size(t); });
  if (resources.memory_limit == 0) resources.memory_limit.reset();
  resources.memory_swap =
      parsed.value_as("memory-swap", [](const auto& t) { return parse_size_or_unlimited(t); });
  if (resources.memory_swap == 0) resources.memory_swap.reset();
  resources.pids_limit = parsed.value_as(
      "pids-limit", [](const auto& t) { return parse_integer<std::int64_t>(t, -1, 4'194'304); });
  if (resources.pids_limit == 0) resources.pids_limit.reset();
}

engine::RunOptions read_options(const cli::Parsed& parsed) {
  engine::RunOptions options;
  options.interactive = parsed.has("interactive");
  options.terminal = parsed.has("tty");
  options.remove = parsed.has("rm");
  options.read_only = parsed.has("read-only");
  options.rootfs_writable = parsed.has("rootfs-rw");
  options.plan = parsed.has("plan");
  options.name = parsed.value("name").value_or("");
  options.hostname = parsed.value("hostname").value_or("");
  options.user = parsed.value("user").value_or("");
  options.entrypoint = parsed.value("entrypoint");
  options.stop_signal = parsed.value("stop-signal").value_or("");
  options.cgroup_parent = parsed.value("cgroup-parent").value_or("");
  options.working_directory = ContainerPath(parsed.value("workdir").value_or("/"));
  options.network = parsed.value_as("network", engine::parse_network).value_or(engine::Network::none);
  const auto read_variables = [](const std::string& file) {
    return engine::parse_variables(file, sys::read_file(sys::here, file));
  };
  for (auto& variables : parsed.values_as("env-file", read_variables))
    for (auto& variable : variables) options.environment.push_back(std::move(variable));
  for (auto& variable : parsed.values_as("env", engine::parse_variable))
    if (variable) options.environment.push_back(std::move(*variable));
  options.binds = parsed.values_as("volume", engine::parse_bind);
  options.tmpfs = parsed.values_as("tmpfs", engine::parse_tmpfs);
  options.limits = parsed.values_as("ulimit", engine::parse_limit);
  read_resources(parsed, options.resources);
  options.rootfs = parsed.operands.front();
  options.command.assign(parsed.operands.begin() + 1, parsed.operands.end());
  return options;
}

}  // namespace

int run(const Context& context, const cli::Parsed& parsed) {
  engine::RunOptions wanted = read_options(parsed);
  if (wanted.rootfs == "-" && wanted.interactive)
    throw Error(ErrorKind::usage,
                "standard input cannot be both the tarball (-) and the container's input (-i)");
  if (wanted.rootfs == "-" && sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "the tarball is to come from standard input, which is a terminal", 0,
                "tare run - COMMAND <TARBALL");
  if (wanted.plan) {
    print(engine::plan(context.place, std::move(wanted)));
    return 0;
  }
  if (wanted.terminal && wanted.interactive && !sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "the input device is not a TTY", 0,
                "leave out -t, or run it on a terminal");
  return engine::run(context.place, std::move(wanted), notify);
}

}  // namespace tare::commands
