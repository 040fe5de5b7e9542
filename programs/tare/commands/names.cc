// What a shell may offer for a placeholder of the tables.
#include "plan/names.h"

#include "commands/commands.h"
#include "engine/images.h"
#include "engine/volumes.h"
#include "sys/signals.h"

namespace tare::commands {
namespace {

std::vector<std::string> containers(const Context& context) {
  std::vector<std::string> names;
  for (const auto& id : state::list(context.place))
    if (auto name = state::name_of(context.place, id); !name.empty()) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> volumes(const Context& context) {
  std::vector<std::string> names;
  for (const auto& volume : engine::list_volumes(context.place, engine::VolumeFilter({}, {})))
    names.push_back(volume.name);
  return names;
}

std::vector<std::string> images(const Context& context) { return engine::image_names(context.place); }

std::vector<std::string> containers_and_images(const Context& context) {
  std::vector<std::string> names = containers(context);
  for (auto& name : images(context)) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> signals(const Context&) {
  const auto names = sys::signal_names();
  return {names.begin(), names.end()};
}

std::vector<std::string> capabilities(const Context&) {
  std::vector<std::string> names{"ALL"};
  for (auto& name : plan::capability_names(plan::every_capability()))
    if (name != "ALL") names.push_back(std::move(name));
  return names;
}

constexpr struct {
  std::string_view placeholder;
  std::vector<std::string> (*list)(const Context&);
} rows[] = {{"CONTAINER|IMAGE", containers_and_images},
            {"CONTAINER", containers},
            {"IMAGE", images},
            {"VOLUME", volumes},
            {"SIGNAL", signals},
            {"CAPABILITY", capabilities}};

}  // namespace

std::vector<std::string> names(const Context& context, std::string_view placeholder) {
  for (const auto& row : rows)
    if (placeholder.starts_with(row.placeholder)) return row.list(context);
  return {};
}

}  // namespace tare::commands
