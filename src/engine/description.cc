#include "engine/description.h"

#include <algorithm>

#include "base/error.h"
#include "engine/disk_usage.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

using json::part;

json::object read_config(const state::Place& place, const ContainerId& id) {
  const auto text = sys::try_read_file(sys::here, (place.directory_of(id) / "config.json").value);
  try {
    return text ? json::as_object(json::parse(*text)) : json::object();
  } catch (const Error&) {
    return {};  // of a power cut
  }
}

std::string text_of(const json::value& value) {
  const auto* text = value.if_string();
  return text ? std::string(*text) : std::string();
}

Description::Mount to_mount(const json::value& value) {
  const std::string name = text_of(part(value, "Name"));
  return {.source = name.empty() ? text_of(part(value, "Source")) : name,
          .destination = text_of(part(value, "Destination")),
          .is_volume = text_of(part(value, "Type")) == "volume"};
}

}  // namespace

Description describe(const state::Place& place, const ContainerId& id) {
  const json::value config = read_config(place, id);
  Description description;
  if (const auto* labels = part(part(config, "Config"), "Labels").if_object())
    for (const auto& label : *labels) description.labels.emplace_back(label.key(), text_of(label.value()));
  std::ranges::sort(description.labels);
  if (const auto* mounts = part(config, "Mounts").if_array())
    for (const auto& mount : *mounts)
      if (text_of(part(mount, "Type")) != "tmpfs") description.mounts.push_back(to_mount(mount));
  if (std::string network = text_of(part(part(config, "HostConfig"), "NetworkMode")); !network.empty())
    description.networks.push_back(std::move(network));
  return description;
}

const std::string* find_label(const Description& description, std::string_view name) {
  const auto found = std::ranges::find(description.labels, name,
                                       [](const auto& label) -> std::string_view { return label.first; });
  return found == description.labels.end() ? nullptr : &found->second;
}

Size measure(const state::Place& place, const ContainerId& id) {
  const json::value config = read_config(place, id);
  const json::value& data = part(part(config, "GraphDriver"), "Data");
  Size size;
  const auto* layers = part(data, "Layers").if_array();
  if (layers)
    for (const auto& layer : *layers) size.root += disk_usage(HostPath(text_of(layer)));
  // A copy has no layers below it: all of it is the container's own.
  const std::string own = text_of(part(data, "UpperDir"));
  size.changes = own.empty() ? 0 : disk_usage(HostPath(own));
  size.root += size.changes;
  return size;
}

}  // namespace tare::engine
