// tare-runtime checkpoint, restore.
#include "runtime/checkpoint.h"

#include <algorithm>
#include <fcntl.h>
#include <limits>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

// One's own first, what both take, and the other's own.
constexpr cli::Option option_table[] = {
    {"leave-running", 0, Takes::nothing, "", "let the container run on"},
    {"pre-dump", 0, Takes::nothing, "", "save only the memory, and let the container run on"},
    {"parent-path", 0, Takes::value, "DIR",
     "save only what changed since this checkpoint; relative to the images"},
    {"page-server", 0, Takes::value, "ADDRESS:PORT",
     "send the memory there; with --lazy-pages, let it be fetched there"},
    {"link-remap", 0, Takes::nothing, "", "save open files that have no name left"},
    {"tcp-skip-in-flight", 0, Takes::nothing, "", "leave out connections that are not established yet"},
    {"status-fd", 0, Takes::value, "FD",
     "write a zero byte there when the memory can be fetched (with --lazy-pages)"},
    {"image-path", 0, Takes::value, "DIR", "where the saved state is (default: ./checkpoint)"},
    {"work-path", 0, Takes::value, "DIR", "where criu's log is put (default: with the saved state)"},
    {"tcp-established", 0, Takes::nothing, "", "with established TCP connections"},
    {"ext-unix-sk", 0, Takes::nothing, "", "with unix sockets that lead outside"},
    {"shell-job", 0, Takes::nothing, "", "with a terminal that is the caller's"},
    {"file-locks", 0, Takes::nothing, "", "with file locks"},
    {"manage-cgroups-mode", 0, Takes::value, "soft|full|strict|ignore",
     "what is done about cgroups below the container's (default: soft)"},
    {"empty-ns", 0, Takes::value, "network", "leave out what is in the network namespace", true},
    {"auto-dedup", 0, Takes::nothing, "", "drop memory images as they are used"},
    {"lazy-pages", 0, Takes::nothing, "", "leave the memory where it is until it is used"},
    {"bundle", 'b', Takes::value, "DIR", "the bundle (default: the working directory)"},
    {"config", 'f', Takes::value, "FILE", "take this in place of the bundle's config.json"},
    {"console-socket", 0, Takes::value, "PATH", "send the terminal's controlling side to this unix socket"},
    {"pid-file", 0, Takes::value, "FILE", "write the process's pid to FILE"},
    {"detach", 'd', Takes::nothing, "", "do not wait for its end"},
    {"lsm-profile", 0, Takes::value, "apparmor:NAME|selinux:LABEL", "in place of the saved one"},
    {"lsm-mount-context", 0, Takes::value, "LABEL", "the SELinux label of its mounts"},
    {"no-pivot", 0, Takes::nothing, "", "accepted for compatibility: criu decides"},
    {"no-subreaper", 0, Takes::nothing, "", "accepted for compatibility: nothing is adopted anyway"},
};
constexpr std::size_t only_of_checkpoint = 7, only_of_restore = 9;

int parse_status_fd(const std::string& text) {
  const int number = parse_integer<int>(text, 0, std::numeric_limits<int>::max());
  const int flags = ::fcntl(number, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    throw Error(ErrorKind::usage, format("nothing can be written to the file descriptor {}", number));
  return number;
}

// What only the other command has is not in this one's table.
runtime::CriuOptions read_criu_options(const cli::Parsed& parsed, std::span<const cli::Option> own) {
  runtime::CriuOptions options{.images = HostPath(parsed.value("image-path").value_or("checkpoint")),
                               .work = HostPath(),
                               .switches = {}};
  options.work = HostPath(parsed.value("work-path").value_or(options.images.value));
  for (const auto& one : runtime::criu_switches)
    if (std::ranges::find(own, one.option, &cli::Option::name) != own.end() && parsed.has(one.option))
      options.switches.push_back(&one);
  if (const auto word = parsed.value_as("manage-cgroups-mode", runtime::parse_cgroup_treatment))
    options.cgroups = *word;
  for (const auto& word : parsed.values("empty-ns"))
    options.empty_namespaces |= runtime::parse_empty_namespace(word);
  return options;
}

}  // namespace

constinit const cli::Command checkpoint_command = {
    .name = "checkpoint",
    .operands = "ID",
    .summary = "Save a running container in files, with criu(8), and delete it",
    .details = "What its processes have in memory and open is saved; its root file system is not.",
    .options = std::span(option_table).first(std::size(option_table) - only_of_restore),
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int checkpoint(const Context& context, const cli::Parsed& parsed) {
  const runtime::CriuOptions criu = read_criu_options(parsed, checkpoint_command.options);
  const auto server = parsed.value_as("page-server", runtime::parse_page_server);
  const auto status_fd = parsed.value_as("status-fd", parse_status_fd);
  if (parsed.has("lazy-pages") && !server)
    throw Error(ErrorKind::usage, "--lazy-pages needs --page-server: there the memory is fetched");
  runtime::checkpoint({.root = context.root,
                       .id = parsed.operands.front(),
                       .criu = criu,
                       .parent = parsed.value("parent-path").value_or(""),
                       .page_server = server,
                       .status_fd = status_fd,
                       .leaves_running = parsed.has("leave-running"),
                       .only_memory = parsed.has("pre-dump"),
                       .warn = warn});
  return 0;
}

constinit const cli::Command restore_command = {
    .name = "restore",
    .operands = "ID",
    .summary = "Make a container that goes on where a checkpoint was made",
    .details = "The bundle's root file system has to be as it was. The exit code is that of `run`.",
    .options = std::span(option_table).subspan(only_of_checkpoint),
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int restore(const Context& context, const cli::Parsed& parsed) {
  const runtime::CriuOptions criu = read_criu_options(parsed, restore_command.options);
  return runtime::restore({.create = {.root = context.root,
                                      .id = parsed.operands.front(),
                                      .bundle = HostPath(parsed.value("bundle").value_or(".")),
                                      .pid_file = parsed.value("pid-file").value_or(""),
                                      .config_file = parsed.value("config").value_or(""),
                                      .console_socket = parsed.value("console-socket").value_or(""),
                                      .driver = context.driver,
                                      .warn = warn},
                           .criu = criu,
                           .lsm_profile = parsed.value("lsm-profile").value_or(""),
                           .lsm_mount_context = parsed.value("lsm-mount-context").value_or("")},
                          parsed.has("detach") ? runtime::Stay::not_at_all : runtime::Stay::until_end);
}

}  // namespace tare::commands
