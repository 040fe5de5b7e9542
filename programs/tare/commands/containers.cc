// tare rm, inspect: single containers, and images.
#include "engine/containers.h"

#include "base/format.h"
#include "base/units.h"
#include "cli/template.h"
#include "commands/commands.h"
#include "engine/description.h"
#include "engine/images.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option rm_options[] = {
    {"force", 'f', Takes::nothing, "", "end a running container first (SIGKILL)"},
    {"volumes", 'v', Takes::nothing, "", "remove its anonymous volumes, too"},
};

constexpr cli::Option inspect_options[] = {
    {"format", 'f', Takes::value, "FORMAT",
     "\"json\" or a Go template for each container, such as {{.State.Status}}"},
    {"size", 's', Takes::nothing, "", "measure what its files take (SizeRw, SizeRootFs)"},
    {"type", 0, Takes::value, "TYPE", "only what is of this type: container or image"},
};

// docker's exit code for a template that cannot be read.
constexpr int bad_template = 64;

json::value describe_container(const Context& context, const std::string& name, bool with_size) {
  const engine::Container container = engine::find_container(context.place, name);
  json::value object = engine::inspect(context.place, container);
  if (with_size) {
    const engine::Size size = engine::measure(context.place, container.record.id);
    object.as_object()["SizeRw"] = size.changes;
    object.as_object()["SizeRootFs"] = size.root;
  }
  return object;
}

json::value describe_image(const Context& context, const std::string& name) {
  return engine::inspect_image(context.place, engine::image_of(context.place, name));
}

json::value describe(const Context& context, const std::string& name, const std::string& type,
                     bool with_size) {
  if (type == "image") return describe_image(context, name);
  try {
    return describe_container(context, name, with_size);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found || type == "container") throw;
  }
  try {
    return describe_image(context, name);
  } catch (const Error&) {
    throw Error(ErrorKind::not_found, format("No such object: {}", name), 0,
                "`tare ps -a` and `tare images` list what there is");
  }
}

}  // namespace

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
      engine::remove_container(context.place, name, removal, parsed.has("volumes"));
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
    .operands = "CONTAINER|IMAGE [CONTAINER|IMAGE...]",
    .summary = "Print what is known of containers and images, as JSON",
    .details =
        "An array with an object for each, its fields named as docker names them. A name that both a "
        "container "
        "and an image have means the container.",
    .options = inspect_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int inspect(const Context& context, const cli::Parsed& parsed) {
  const std::string type = parsed.value("type").value_or("");
  if (!type.empty() && type != "container" && type != "image")
    throw Error(ErrorKind::usage, format("\"{}\" is not a valid value for --type", type), 0,
                "container or image");
  const auto shape = parsed.value("format").value_or("");
  std::optional<cli::Template> form;
  try {
    form.emplace(shape == "json" ? "{{json .}}" : shape);
  } catch (const Error& error) {
    notify(error.what());
    return bad_template;
  }
  json::array found;
  const int code = for_each_name(parsed, [&](const std::string& name) {
    json::value object = describe(context, name, type, parsed.has("size"));
    if (shape.empty())
      found.push_back(std::move(object));
    else
      print(form->render(object) + "\n");
  });
  if (shape.empty()) print(found.empty() ? "[]\n" : json::pretty(std::move(found)));
  return code;
}

}  // namespace tare::commands
