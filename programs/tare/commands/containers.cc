// tare ps, rm, inspect: the containers there are.
#include "engine/containers.h"

#include "base/format.h"
#include "base/units.h"
#include "cli/table.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option ps_options[] = {
    {"all", 'a', Takes::nothing, "", "show those that ended, too"},
    {"quiet", 'q', Takes::nothing, "", "print ids only"},
    {"no-trunc", 0, Takes::nothing, "", "print ids and commands whole"},
};

constexpr cli::Option rm_options[] = {
    {"force", 'f', Takes::nothing, "", "end a running container first (SIGKILL)"},
};

std::string command_cell(const state::Record& record, bool whole) {
  std::string text;
  for (const auto& word : record.command) text.append(text.empty() ? "" : " ").append(word);
  if (!whole && text.size() > 20) text = text.substr(0, 19) + "…";
  return "\"" + text + "\"";
}

// Does `act` for each name; a failure is told and the others go on.
template <typename Act>
int for_each_name(const cli::Parsed& parsed, Act act) {
  int code = 0;
  for (const auto& name : parsed.operands) {
    try {
      act(name);
    } catch (const Error& error) {
      notify(error.what());
      code = 1;
    }
  }
  return code;
}

}  // namespace

constinit const cli::Command ps_command = {
    .name = "ps",
    .operands = "",
    .summary = "List containers",
    .details =
        "Shows the running ones; with -a also those that ended. A container whose monitor was killed is "
        "settled on "
        "the way: what is left of it is ended and removed. One whose record cannot be read is shown as "
        "Damaged.",
    .options = ps_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int ps(const Context& context, const cli::Parsed& parsed) {
  const bool whole = parsed.has("no-trunc");
  cli::Table table({"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"});
  std::string ids;
  const Time present = now();
  const engine::Listing listing = engine::list_containers(context.place);
  for (const auto& problem : listing.problems) notify(problem);
  for (const auto& container : listing.containers) {
    const bool ended =
        container.status == engine::Status::created || container.status == engine::Status::exited;
    if (ended && !parsed.has("all")) continue;
    const state::Record& record = container.record;
    const std::string id = whole ? record.id.value : record.id.brief();
    ids += id + "\n";
    const bool damaged = container.status == engine::Status::damaged;
    table.add({id, record.image, damaged ? "" : command_cell(record, whole),
               damaged ? "" : human_ago(seconds_between(record.created, present)),
               engine::status_words(container, present), "", record.name});
  }
  print(parsed.has("quiet") ? ids : table.text());
  return 0;
}

constinit const cli::Command rm_command = {
    .name = "rm",
    .operands = "CONTAINER [CONTAINER...]",
    .summary = "Remove containers",
    .details = "By name, id, or an unambiguous beginning of an id. A running one is refused without -f.",
    .options = rm_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int rm(const Context& context, const cli::Parsed& parsed) {
  const auto removal = parsed.has("force") ? engine::Removal::also_running : engine::Removal::only_stopped;
  return for_each_name(parsed, [&](const std::string& name) {
    try {
      engine::remove_container(context.place, name, removal);
    } catch (const Error& error) {
      if (!parsed.has("force") || error.kind() != ErrorKind::not_found) throw;
      notify(error.what());  // gone is what was asked for
      return;
    }
    print(name + "\n");
  });
}

constinit const cli::Command inspect_command = {
    .name = "inspect",
    .operands = "CONTAINER [CONTAINER...]",
    .summary = "Print what is known of containers, as JSON",
    .details = "An array with an object for each container, its fields named as docker names them.",
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int inspect(const Context& context, const cli::Parsed& parsed) {
  json::array found;
  const int code = for_each_name(parsed, [&](const std::string& name) {
    found.push_back(engine::inspect(context.place, engine::find_container(context.place, name)));
  });
  print(found.empty() ? "[]\n" : json::pretty(std::move(found)));
  return code;
}

}  // namespace tare::commands
