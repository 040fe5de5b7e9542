#include "engine/export.h"

#include <unistd.h>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/order.h"
#include "engine/rootfs.h"
#include "sys/user_namespace.h"

namespace tare::engine {

std::vector<HostPath> layers_of(const Definition& definition, const HostPath& directory) {
  const oci::Root root = root_of(definition, directory);
  std::vector<HostPath> layers = root.lower;
  layers.insert(layers.begin(), layers.empty() ? root.path : root.upper);
  return layers;
}

bool has_user_marks(const Definition& definition) {
  return !definition.options.uid_mappings.empty() || !sys::in_first_user_namespace();
}

void export_container(const state::Place& place, const std::string& name_or_id,
                      const std::optional<std::string>& output) {
  const Container container = find_container(place, name_or_id);
  const HostPath directory = place.directory_of(container.record.id);
  const auto definition = read_definition(directory);
  if (!definition) throw Error(ErrorKind::not_found, format("No such container: {}", container.record.name));
  const std::string program = image_program();
  std::vector<std::string> words{"tare-image", "export"};
  if (output) words.insert(words.end(), {"--output", *output});
  if (has_user_marks(*definition)) words.emplace_back("--user-marks");
  words.emplace_back("--");
  for (const auto& layer : layers_of(*definition, directory)) words.push_back(layer.value);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw system_error(format("cannot execute {}", program),
                     "it must be a program for this machine; install it again");
}

}  // namespace tare::engine
