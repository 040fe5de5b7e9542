#include "engine/image_defaults.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare::engine {
namespace {

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

// The image's first, so that the user's wins.
void put_before(std::vector<std::string>& own, std::vector<std::string> image) {
  std::erase_if(image, [&](const auto& variable) {
    return std::ranges::any_of(own, [&](const auto& other) { return name_of(other) == name_of(variable); });
  });
  own.insert(own.begin(), std::make_move_iterator(image.begin()), std::make_move_iterator(image.end()));
}

}  // namespace

void apply_image_defaults(RunOptions& options, const oci::ImageDefaults& image) {
  if (options.user.empty()) options.user = image.user;
  if (options.stop_signal.empty()) options.stop_signal = image.stop_signal;
  if (options.working_directory.value.empty() && !image.working_directory.empty())
    options.working_directory =
        ContainerPath((image.working_directory.starts_with('/') ? "" : "/") + image.working_directory);
  put_before(options.environment, image.environment);
  std::vector<std::string> labels;
  labels.reserve(image.labels.size());
  for (const auto& [name, value] : image.labels) labels.push_back(format("{}={}", name, value));
  put_before(options.labels, std::move(labels));
  if (!options.entrypoint) {
    options.entrypoint = image.entrypoint;
    if (options.command.empty()) options.command = image.command;
  }
  if (options.entrypoint->empty() && options.command.empty())
    throw Error(ErrorKind::invalid, "no command specified", 0,
                "the image has none of its own: put one after its name");
}

// The image's words are never read as `-v` reads a user's: a colon in them is part of a path.
void add_image_volumes(RunOptions& options, const oci::ImageDefaults& image) {
  constexpr std::size_t most = 200;
  if (image.volumes.size() > most)
    throw Error(ErrorKind::invalid,
                format("the image wants {} volumes, more than {}", image.volumes.size(), most));
  for (const auto& path : image.volumes) {
    const ContainerPath destination = plain_path("the image's volume", path);
    const auto is_there = [&](const auto& mount) { return mount.destination == destination; };
    if (std::ranges::any_of(options.binds, is_there) || std::ranges::any_of(options.tmpfs, is_there))
      continue;
    options.binds.push_back(
        {.destination = destination, .options = {"rbind"}, .is_volume = true, .anonymous = true});
  }
}

}  // namespace tare::engine
