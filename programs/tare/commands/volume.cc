// tare volume create, ls, inspect, rm, prune: data that outlives containers.
#include "base/format.h"
#include "base/units.h"
#include "cli/table.h"
#include "commands/commands.h"
#include "engine/volumes.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option create_options[] = {
    {"label", 0, Takes::value, "KEY[=VALUE]", "say something about it", true},
    {"driver", 'd', Takes::value, "local", "where it lies; there is only one"},
};
constexpr cli::Option ls_options[] = {
    {"quiet", 'q', Takes::nothing, "", "print names only"},
    {"filter", 'f', Takes::value, "KEY=VALUE",
     "only those with dangling=true, name=PART or label=KEY[=VALUE]", true},
};
constexpr cli::Option rm_options[] = {
    {"force", 'f', Takes::nothing, "", "one that is not there is no error"},
};
constexpr cli::Option prune_options[] = {
    {"all", 'a', Takes::nothing, "", "also those that have a name"},
    {"filter", 0, Takes::value, "KEY=VALUE", "only those with label=KEY[=VALUE] or label!=KEY[=VALUE]", true},
    {"force", 'f', Takes::nothing, "", "do not ask"},
};

}  // namespace

constinit const cli::Command volume_create_command = {
    .name = "volume create",
    .operands = "[VOLUME]",
    .summary = "Make a volume",
    .details = "Prints its name; without one it gets a random one. A volume that is there stays as it is.",
    .options = create_options,
    .minimum_operands = 0,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int volume_create(const Context& context, const cli::Parsed& parsed) {
  if (const auto driver = parsed.value("driver"); driver && *driver != "local")
    throw Error(ErrorKind::invalid, format("plugin \"{}\" not found", *driver), 0,
                "the only volume driver is local");
  const auto labels = engine::label_map(parsed.values("label"));
  const std::string name = parsed.operands.empty() ? "" : parsed.operands.front();
  print(engine::create_volume(context.place, name, labels) + "\n");
  return 0;
}

constinit const cli::Command volume_ls_command = {
    .name = "volume ls",
    .operands = "",
    .summary = "List volumes",
    .details = {},
    .options = ls_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = "volume list",
};

int volume_ls(const Context& context, const cli::Parsed& parsed) {
  const engine::VolumeFilter filter(parsed.values("filter"), {"dangling", "driver", "label", "name"});
  cli::Table table({"DRIVER", "VOLUME NAME"});
  std::string names;
  for (const auto& volume : engine::list_volumes(context.place, filter)) {
    names += volume.name + "\n";
    table.add({"local", volume.name});
  }
  print(parsed.has("quiet") ? names : table.text());
  return 0;
}

constinit const cli::Command volume_inspect_command = {
    .name = "volume inspect",
    .operands = "VOLUME [VOLUME...]",
    .summary = "Print what is known of volumes, as JSON",
    .details = {},
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int volume_inspect(const Context& context, const cli::Parsed& parsed) {
  json::array found;
  const int code = for_each_name(
      parsed, [&](const std::string& name) { found.push_back(engine::inspect_volume(context.place, name)); });
  print(found.empty() ? "[]\n" : json::pretty(std::move(found)));
  return code;
}

constinit const cli::Command volume_rm_command = {
    .name = "volume rm",
    .operands = "VOLUME [VOLUME...]",
    .summary = "Remove volumes and what is in them",
    .details = "One that a container uses, running or not, is refused.",
    .options = rm_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = "volume remove",
};

int volume_rm(const Context& context, const cli::Parsed& parsed) {
  return for_each_name(parsed, [&](const std::string& name) {
    try {
      engine::remove_volume(context.place, name);
    } catch (const Error& error) {
      if (!parsed.has("force") || error.kind() != ErrorKind::not_found) throw;
    }
    print(name + "\n");
  });
}

constinit const cli::Command volume_prune_command = {
    .name = "volume prune",
    .operands = "",
    .summary = "Remove the anonymous volumes that no container uses",
    .details = {},
    .options = prune_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int volume_prune(const Context& context, const cli::Parsed& parsed) {
  const engine::VolumeFilter filter(parsed.values("filter"), {"all", "label", "label!"});
  const bool all = parsed.has("all") || filter.has("all");
  if (!parsed.has("force") &&
      !is_confirmed(format("WARNING! This will remove {} not used by at least one container.",
                           all ? "all volumes" : "anonymous volumes")))
    return 0;
  const engine::Pruned pruned = engine::prune_volumes(context.place, filter, all);
  std::string text = pruned.names.empty() ? "" : "Deleted Volumes:\n";
  for (const auto& name : pruned.names) text += name + "\n";
  if (!pruned.names.empty()) text += "\n";
  print(text + "Total reclaimed space: " + format_size_decimal(pruned.bytes) + "\n");
  for (const auto& problem : pruned.problems) notify(problem);
  return pruned.problems.empty() ? 0 : 1;
}

}  // namespace tare::commands
