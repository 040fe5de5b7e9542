// tare run: a container from a directory or a tarball.
#include "engine/run.h"

#include <cstdlib>
#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"
#include "commands/trace_option.h"
#include "engine/create.h"
#include "engine/definition.h"
#include "engine/devices.h"
#include "engine/namespaces.h"
#include "engine/rootfs.h"
#include "engine/run_options.h"
#include "engine/user_namespace.h"
#include "script/script.h"
#include "sys/file.h"
#include "sys/terminal.h"
#include "sys/user_namespace.h"

namespace tare::commands {
namespace {

using cli::Takes;

// What create does not take stands first.
constexpr std::size_t only_of_run = 4;
constexpr cli::Option option_table[] = {
    {"detach", 'd', Takes::nothing, "", "let it run in the background and print its id"},
    {"detach-keys", 0, Takes::value, "KEYS", "keys that let this client go (default: ctrl-p,ctrl-q)"},
    {"plan", 0, Takes::optional_value, "text|json", "print what would be done, in order, and do nothing"},
    {"trace", 0, Takes::optional_value, "FILE",
     "tell what was done, how long it took, and by which calls of the kernel: as text on standard error, or "
     "in FILE: "
     "JSON for *.json, a picture for *.svg"},
    {"interactive", 'i', Takes::nothing, "", "keep standard input open and pass it on"},
    {"tty", 't', Takes::nothing, "", "give the container a terminal"},
    {"pull", 0, Takes::value, "missing|always|never", "when to fetch the image (default: missing)"},
    {"platform", 0, Takes::value, "OS/ARCHITECTURE", "which of an image for several platforms"},
    {"quiet", 'q', Takes::nothing, "", "show no progress of the fetching"},
    {"rm", 0, Takes::nothing, "", "remove the container when it ends"},
    {"name", 0, Takes::value, "NAME", "call the container NAME (default: a random name)"},
    {"hostname", 'h', Takes::value, "NAME", "its hostname (default: the beginning of its id)"},
    {"env", 'e', Takes::value, "NAME[=VALUE]", "set a variable, or take it over from here", true},
    {"env-file", 0, Takes::value, "FILE", "set the variables in FILE, a line each", true},
    {"label", 'l', Takes::value, "NAME[=VALUE]", "note this about the container, for ps --filter and inspect",
     true},
    {"label-file", 0, Takes::value, "FILE", "note the labels in FILE, a line each", true},
    {"log-driver", 0, Takes::value, "json-file|none",
     "how output is kept for `tare logs` (default: json-file)"},
    {"log-opt", 0, Takes::value, "NAME=VALUE",
     "max-size and max-file of the log (default: 10m and 5); labels, env", true},
    {"workdir", 'w', Takes::value, "DIR", "the working directory in the container (made if missing)"},
    {"user", 'u', Takes::value, "USER[:GROUP]",
     "run as this user: a name of the container's own, or a number"},
    {"group-add", 0, Takes::value, "GROUP",
     "be in this group, too: a name of the container's own, or a number", true},
    {"entrypoint", 0, Takes::value, "PROGRAM", "run PROGRAM, with the command as its arguments"},
    {"read-only", 0, Takes::nothing, "", "make the root file system read-only"},
    {"rootfs-rw", 0, Takes::nothing, "", "let the container change the directory ROOTFS itself"},
    {"tmpfs", 0, Takes::value, "DIR[:OPTIONS]", "mount an empty file system in memory on DIR", true},
    {"volume", 'v', Takes::value, "[SOURCE:]DIR[:OPTIONS]",
     "show SOURCE, a host path or a volume's name, as DIR; ro for read-only", true},
    {"mount", 0, Takes::value, "KEY=VALUE,...",
     "type=bind, volume or tmpfs; source, target, readonly, and more of docker's", true},
    {"volumes-from", 0, Takes::value, "CONTAINER[:ro]",
     "what another container has bound, in the same places", true},
    {"cpu-shares", 'c', Takes::value, "N", "weight when CPUs are scarce (normal: 1024)"},
    {"cpus", 0, Takes::value, "N", "at most N CPUs, such as 1.5"},
    {"cpuset-cpus", 0, Takes::value, "LIST", "only these CPUs, such as 0-2,4"},
    {"memory", 'm', Takes::value, "BYTES", "memory limit; b, k, m, g after the number"},
    {"memory-swap", 0, Takes::value, "BYTES",
     "limit of memory plus swap; -1 for no limit (default: twice the memory)"},
    {"pids-limit", 0, Takes::value, "N", "at most N processes and threads; -1 for no limit"},
    {"blkio-weight", 0, Takes::value, "N", "weight when disks are busy, 10 to 1000"},
    {"device", 0, Takes::value, "HOST[:CONTAINER[:rwm]]",
     "give it a device of the host's, or all in a directory", true},
    {"device-cgroup-rule", 0, Takes::value, "RULE", "allow the use of devices, such as 'c 1:3 rwm'", true},
    {"shm-size", 0, Takes::value, "BYTES", "size of /dev/shm (default: 64m)"},
    {"sysctl", 0, Takes::value, "NAME=VALUE", "set a kernel parameter of its namespaces", true},
    {"oom-score-adj", 0, Takes::value, "N", "likelier (to 1000) or not (to -1000) to be killed for memory"},
    {"init", 0, Takes::nothing, "", "let a first process pass signals on and reap what ends"},
    {"ulimit", 0, Takes::value, "NAME=SOFT[:HARD]", "a resource limit, such as nofile=64:64", true},
    {"network", 0, Takes::value, "none|host|container:NAME",
     "a network of its own with lo only (default), or the host's, or a container's"},
    {"pid", 0, Takes::value, "host|container:NAME",
     "see and signal the processes of the host or a container"},
    {"ipc", 0, Takes::value, "MODE",
     "shared memory and queues: private (default), none, host, container:NAME"},
    {"uts", 0, Takes::value, "host", "have the host's name"},
    {"cgroupns", 0, Takes::value, "private|host", "see cgroups from its own down (default), or all of them"},
    {"domainname", 0, Takes::value, "NAME", "its NIS domain name"},
    {"userns", 0, Takes::value, "host|auto", "the host's ids (default), or 65536 ids of its own"},
    {"uidmap", 0, Takes::value, "INSIDE:OUTSIDE[:SIZE]",
     "let user ids inside be other ids outside; group ids alike unless --gidmap says otherwise", true},
    {"gidmap", 0, Takes::value, "INSIDE:OUTSIDE[:SIZE]", "the same for group ids", true},
    {"cap-add", 0, Takes::value, "CAPABILITY", "give a capability such as NET_ADMIN, or ALL", true},
    {"cap-drop", 0, Takes::value, "CAPABILITY", "take a capability away, or ALL", true},
    {"privileged", 0, Takes::nothing, "",
     "confine it by nothing but its namespaces and limits: all capabilities, all the host's devices"},
    {"security-opt", 0, Takes::value, "NAME[=VALUE]",
     "seccomp=, apparmor=, label=, no-new-privileges, systempaths=unconfined", true},
    {"stop-signal", 0, Takes::value, "SIGNAL", "what `tare stop` sends (default: TERM)"},
    {"stop-timeout", 0, Takes::value, "SECONDS", "how long `tare stop` waits before it kills (default: 10)"},
    {"cgroup-parent", 0, Takes::value, "PATH", "make its cgroup below PATH"},
};

}  // namespace

constinit const cli::Command run_command = {
    .name = "run",
    .operands = "IMAGE|ROOTFS [COMMAND [ARG...]]",
    .summary = "Run a command in a new container",
    .details =
        "An IMAGE is fetched if it is not here. ROOTFS starts with /, ./ or ../ and is a directory or a "
        "tarball "
        "(plain, gzip, bzip2, xz or zstd); - is a tarball on standard input. A tarball is unpacked once. The "
        "container's changes go into a layer of "
        "its "
        "own; a directory is not written to unless --rootfs-rw says so. Without a command it runs the "
        "image's, or "
        "/bin/sh.\n"
        "\n"
        "The exit code is the command's, 128 + N if signal N ended it, 127 if the command does not exist, "
        "126 if "
        "it cannot be run, 125 for all other failures.\n"
        "\n"
        "TARE_CPU_SHARE and TARE_MEM_LIMIT (in millions of bytes), variables of the caller, stand in for "
        "--cpu-shares and --memory where these are not given.\n"
        "\n"
        "Examples:\n"
        " tare run --rm -it alpine\n"
        " tare run --rm -it ./busybox.tar sh\n"
        " tare run --rm -m 512m --cpus 1.5 ./rootfs /bin/server --port 80\n"
        " tare run --rm -v ./src:/src:ro -w /src ./rootfs make\n"
        " tare run --plan ./busybox.tar true\n"
        " tare run --rm --trace=run.svg ./busybox.tar true",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

constinit const cli::Command create_command = {
    .name = "create",
    .operands = "IMAGE|ROOTFS [COMMAND [ARG...]]",
    .summary = "Make a container without starting it",
    .details = "As `tare run`, up to the start; prints its id. `tare start` starts it.",
    .options = std::span(option_table).subspan(only_of_run),
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

constinit const cli::Command script_command = {
    .name = "script",
    .operands = "ROOTFS [COMMAND [ARG...]] | CONTAINER",
    .summary = "Write the bash script that starts the same container without tare",
    .details =
        "The script uses bash, util-linux (2.38), coreutils, tar and writes to cgroup files, and says above "
        "each "
        "line why it is there; what it cannot do stands at its beginning. It takes the options of `tare "
        "run`. One operand that names a container stands for that container as it was created, unless it "
        "has a / in it.\n"
        "\n"
        "Examples:\n"
        " tare script -m 512m --read-only ./rootfs sh >container.sh; sudo bash container.sh\n"
        " tare script web | less",
    .options = std::span(option_table).subspan(only_of_run),
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

namespace {

// What a person may always want: a variable of the caller's. An option wins, also one that says "no limit".
std::optional<std::uint64_t> default_from(const char* variable, const cli::Parsed& parsed,
                                          std::string_view option) {
  const char* text = std::getenv(variable);
  if (!text || !*text || parsed.value(option)) return std::nullopt;
  Step step("read the variable", variable);
  return parse_integer<std::uint64_t>(text, 0, 1'000'000'000);
}

void read_resources(const cli::Parsed& parsed, oci::Resources& resources) {
  resources.cpu_shares =
      parsed.value_as("cpu-shares", [](const auto& t) { return parse_integer<std::uint64_t>(t); });
  if (const auto shares = default_from("TARE_CPU_SHARE", parsed, "cpu-shares")) resources.cpu_shares = shares;
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
  if (const auto megabytes = default_from("TARE_MEM_LIMIT", parsed, "memory"))
    resources.memory_limit = static_cast<Bytes>(*megabytes) * 1'000'000;
  if (resources.memory_limit == 0) resources.memory_limit.reset();
  resources.memory_swap =
      parsed.value_as("memory-swap", [](const auto& t) { return parse_size_or_unlimited(t); });
  if (resources.memory_swap == 0) resources.memory_swap.reset();
  resources.pids_limit = parsed.value_as(
      "pids-limit", [](const auto& t) { return parse_integer<std::int64_t>(t, -1, 4'194'304); });
  if (resources.pids_limit == 0) resources.pids_limit.reset();
  resources.block_io_weight = parsed.value_as("blkio-weight", engine::parse_block_io_weight);
  if (resources.block_io_weight == 0) resources.block_io_weight.reset();
}

void read_isolation(const cli::Parsed& parsed, engine::RunOptions& options) {
  (void)parsed.value_as("network", [&](const std::string& text) {
    engine::read_network(text, options);
    return true;
  });
  const auto read_namespace = [&](std::string_view option, oci::NamespaceKind kind) {
    const auto read = [&](const std::string& text) { return engine::parse_namespace(kind, text); };
    return parsed.value_as(option, read).value_or(engine::NamespaceChoice{});
  };
  options.pid = read_namespace("pid", oci::NamespaceKind::pid);
  options.ipc = read_namespace("ipc", oci::NamespaceKind::ipc);
  options.uts = read_namespace("uts", oci::NamespaceKind::uts);
  options.cgroup_namespace = read_namespace("cgroupns", oci::NamespaceKind::cgroup);
  options.domainname = parsed.value("domainname").value_or("");
  options.devices = parsed.values_as("device", engine::parse_device);
  options.device_rules = parsed.values_as("device-cgroup-rule", engine::parse_device_rule);
  for (auto& parameter : parsed.values_as("sysctl", engine::parse_sysctl)) {
    std::erase_if(options.sysctl, [&](const auto& other) { return other.name == parameter.name; });
    options.sysctl.push_back(std::move(parameter));
  }
  options.shm_size = parsed.value_as("shm-size", [](const auto& text) { return parse_size(text); });
  if (options.shm_size == 0) options.shm_size.reset();
  options.oom_score_adj = parsed.value_as("oom-score-adj", engine::parse_oom_score_adj);
  options.init = parsed.has("init");
}

engine::RunOptions read_options(const cli::Parsed& parsed) {
  engine::RunOptions options;
  options.interactive = parsed.has("interactive");
  options.terminal = parsed.has("tty");
  options.remove = parsed.has("rm");
  options.read_only = parsed.has("read-only");
  options.rootfs_writable = parsed.has("rootfs-rw");
  options.name = parsed.value("name").value_or("");
  options.hostname = parsed.value("hostname").value_or("");
  options.user = parsed.value("user").value_or("");
  if (const auto program = parsed.value("entrypoint"))
    options.entrypoint = program->empty() ? std::vector<std::string>() : std::vector{*program};
  options.stop_signal = parsed.value("stop-signal").value_or("");
  options.stop_timeout =
      parsed.value_as("stop-timeout", [](const auto& t) { return parse_integer<int>(t, -1, 1 << 30); });
  options.cgroup_parent = parsed.value("cgroup-parent").value_or("");
  options.working_directory = ContainerPath(parsed.value("workdir").value_or(""));
  options.environment = read_environment(parsed);
  const auto read_labels = [](const std::string& file) {
    return engine::parse_label_file(sys::read_file(sys::here, file));
  };
  for (auto& labels : parsed.values_as("label-file", read_labels))
    for (auto& label : labels) options.labels.push_back(std::move(label));
  for (auto& label : parsed.values_as("label", engine::parse_label))
    options.labels.push_back(std::move(label));
  options.log =
      engine::parse_log_options(parsed.value("log-driver").value_or("json-file"), parsed.values("log-opt"));
  options.binds = parsed.values_as("volume", engine::parse_bind);
  options.tmpfs = parsed.values_as("tmpfs", engine::parse_tmpfs);
  options.volumes_from = parsed.values_as("volumes-from", engine::parse_volumes_from);
  for (auto& mount : parsed.values_as("mount", engine::parse_mount)) {
    if (auto* bind = std::get_if<engine::Bind>(&mount)) options.binds.push_back(std::move(*bind));
    if (auto* tmpfs = std::get_if<engine::Tmpfs>(&mount)) options.tmpfs.push_back(std::move(*tmpfs));
  }
  options.limits = parsed.values_as("ulimit", engine::parse_limit);
  options.groups = parsed.values("group-add");
  options.user_namespace = parsed.value("userns").value_or("");
  options.uid_mappings = parsed.values_as("uidmap", engine::parse_mapping);
  options.gid_mappings = parsed.values_as("gidmap", engine::parse_mapping);
  options.privileged = parsed.has("privileged");
  options.security_options = parsed.values("security-opt");
  options.capabilities_added = parsed.values("cap-add");
  options.capabilities_dropped = parsed.values("cap-drop");
  read_resources(parsed, options.resources);
  read_isolation(parsed, options);
  options.pull = {
      .when = parsed.value_as("pull", engine::parse_pull).value_or(engine::PullWish::When::missing),
      .platform = parsed.value_as("platform", oci::parse_platform),
      .quiet = parsed.has("quiet")};
  options.rootfs = parsed.operands.front();
  options.command.assign(parsed.operands.begin() + 1, parsed.operands.end());
  return options;
}

void check_input(const engine::RunOptions& wanted) {
  if (wanted.rootfs == "-" && wanted.interactive)
    throw Error(ErrorKind::usage,
                "standard input cannot be both the tarball (-) and the container's input (-i)");
  if (wanted.rootfs == "-" && sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "the tarball is to come from standard input, which is a terminal", 0,
                "tare run - COMMAND <TARBALL");
}

}  // namespace

std::vector<std::string> read_environment(const cli::Parsed& parsed) {
  std::vector<std::string> environment;
  const auto read_variables = [](const std::string& file) {
    return engine::parse_variables(file, sys::read_file(sys::here, file));
  };
  for (auto& variables : parsed.values_as("env-file", read_variables))
    for (auto& variable : variables) environment.push_back(std::move(variable));
  for (auto& variable : parsed.values_as("env", engine::parse_variable))
    if (variable) environment.push_back(std::move(*variable));
  return environment;
}

int create(const Context& context, const cli::Parsed& parsed) {
  engine::RunOptions wanted = read_options(parsed);
  check_input(wanted);
  // Whoever starts it may attach or not; its input stays open.
  wanted.detached = true;
  print(engine::create(context.place, std::move(wanted), notify) + "\n");
  return 0;
}

namespace {

bool is_path(const std::string& operand) {
  return operand.find('/') != operand.npos || sys::exists(sys::here, operand);
}

// Of a container that is there: what it was defined by.
engine::RunOptions options_of(const engine::Container& container, const engine::Definition& definition) {
  engine::RunOptions options = definition.options;
  options.rootfs = definition.rootfs.layers.front().value;
  options.name.clear();
  options.command = container.record.command;
  options.entrypoint.reset();
  return options;
}

// The script unpacks a tarball itself; the plan is that of the tree in the store, whose users are known.
script::Facts take_tree(const state::Place& place, engine::RunOptions& options) {
  const store::Rootfs rootfs = engine::prepare_rootfs(place, options);
  const std::string path = sys::canonical(HostPath(options.rootfs)).value;
  options.rootfs = rootfs.layers.front().value;
  if (options.rootfs == path) return {};
  return {.id = {}, .directory = {}, .tarball = path, .layer = options.rootfs};
}

}  // namespace

int write_script(const Context& context, const cli::Parsed& parsed) {
  if (!sys::is_root_of_system())
    throw Error(ErrorKind::unsupported, "a script makes root's containers, and has to be written by root", 0,
                "use sudo; `tare run --plan` shows what is done for a user's container");
  const std::string& operand = parsed.operands.front();
  engine::RunOptions wanted;
  if (parsed.operands.size() > 1 || is_path(operand)) {
    wanted = read_options(parsed);
  } else {
    if (parsed.has_any())
      throw Error(ErrorKind::usage, format("{} is a container, which has its options", operand), 0,
                  "a directory or a tarball has a / in front or in its name");
    const engine::Container container = engine::find_container(context.place, operand);
    const auto definition = engine::read_definition(context.place.directory_of(container.record.id));
    if (!definition)
      throw Error(ErrorKind::invalid, format("the container {} has no definition", container.record.name));
    wanted = options_of(container, *definition);
  }
  if (wanted.rootfs == "-")
    throw Error(ErrorKind::usage, "the tarball must be a file: a script cannot have this standard input");
  script::Facts facts = take_tree(context.place, wanted);
  const plan::Document document = engine::plan(context.place, std::move(wanted));
  for (const auto& step : document.host)
    if (step.what == plan::HostStep::What::write_file && step.path.ends_with("/id")) facts.id = step.value;
  facts.directory = context.place.directory_of(ContainerId(facts.id)).value;
  print(script::write(document, facts));
  return 0;
}

int run(const Context& context, const cli::Parsed& parsed) {
  engine::RunOptions wanted = read_options(parsed);
  wanted.detached = parsed.has("detach");
  check_input(wanted);
  if (const auto format = parsed.value_as("plan", plan::parse_format)) {
    print(plan::print(engine::plan(context.place, std::move(wanted)), *format));
    return 0;
  }
  const bool is_detached = wanted.detached;
  if (wanted.terminal && wanted.interactive && !is_detached && !sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "the input device is not a TTY", 0,
                "leave out -t, or run it on a terminal");
  std::optional<TraceOption> trace;
  if (const auto file = parsed.value("trace")) trace.emplace(*file);
  engine::RunResult result;
  try {
    result = engine::run(context.place, std::move(wanted), parsed.value("detach-keys").value_or(""), notify);
  } catch (const Error&) {
    if (trace) trace->write();
    throw;
  }
  if (is_detached && result.started) print(result.id.value + "\n");
  if (trace) trace->write();
  return result.exit_code;
}

}  // namespace tare::commands
