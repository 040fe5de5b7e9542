// tare explain: a container as the kernel sees it.
#include "base/format.h"
#include "commands/commands.h"
#include "explain/compare.h"
#include "explain/json.h"
#include "explain/print.h"
#include "explain/read.h"
#include "explain/svg.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option explain_options[] = {
    {"format", 'f', Takes::value, "FORMAT", "\"text\" (the default) or \"json\""},
    {"svg", 0, Takes::nothing, "", "Draw one container: its namespaces, processes and files, for a browser"},
};

explain::Container explain_one(const Context& context, const std::string& name) {
  const engine::Container container = engine::find_container(context.place, name);
  if (!container.running)
    throw Error(ErrorKind::conflict, format("container {} is not running", container.record.name), 0,
                format("only what runs is known to the kernel: `tare start {}`", container.record.name));
  return explain::read(context.place, container.record, *container.running);
}

int draw_container(const Context& context, const cli::Parsed& parsed) {
  if (parsed.value("format"))
    throw Error(ErrorKind::usage, "--svg and --format exclude each other", 0,
                "a picture is a format of its own");
  if (parsed.operands.size() != 1)
    throw Error(ErrorKind::usage, "--svg draws one container", 0,
                "a picture for each; two are compared in text");
  print(explain::to_svg(explain_one(context, parsed.operands[0])));
  return 0;
}

}  // namespace

constinit const cli::Command explain_command = {
    .name = "explain",
    .operands = "CONTAINER [CONTAINER]",
    .summary = "Tell what a running container is to the kernel, or how two of them differ",
    .details =
        "Its namespaces and who shares them, its ids, limits and their use, mounts and where they come from, "
        "capabilities, system calls, processes and what listens. All is read from the kernel now, not from "
        "records, so it holds for what was changed since the start, too.\n"
        "\n"
        "With two: what they share, and what is different.\n"
        "\n"
        "With --svg: a picture, on standard output. The namespaces are boxes in each other, on the host; in "
        "the "
        "innermost are the processes and, beside them, the layers of the files. It needs nothing but a "
        "browser, "
        "and follows its light or dark.\n"
        "\n"
        "Examples:\n"
        " tare explain web\n"
        " tare explain --format json web | jq .rights.capabilities.effective\n"
        " tare explain --svg web >web.svg\n"
        " tare explain web db",
    .options = explain_options,
    .minimum_operands = 1,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int explain_containers(const Context& context, const cli::Parsed& parsed) {
  const std::string shape = parsed.value("format").value_or("text");
  if (shape != "text" && shape != "json")
    throw Error(ErrorKind::usage, format("\"{}\" is not a format", shape), 0, "text or json");
  if (parsed.has("svg")) return draw_container(context, parsed);
  const bool is_json = shape == "json";
  const explain::Container first = explain_one(context, parsed.operands[0]);
  if (parsed.operands.size() == 1) {
    print(is_json ? explain::to_json(first) : explain::print(first));
    return 0;
  }
  const auto comparison = explain::compare(first, explain_one(context, parsed.operands[1]));
  print(is_json ? explain::to_json(comparison) : explain::print(comparison));
  return 0;
}

}  // namespace tare::commands
