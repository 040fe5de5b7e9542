#include "engine/commit.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/export.h"
#include "engine/rootfs.h"
#include "engine/stillness.h"
#include "oci/changes.h"
#include "oci/reference.h"
#include "store/blobs.h"
#include "store/images.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/signals.h"

namespace tare::engine {
namespace {

// Of the image that it was made of; nullopt: it was made of none, or that is gone. The container has its
// layers, whatever happens to the image.
std::optional<store::Image> find_base(const state::Place& place, const ContainerId& id) {
  const auto use = store::image_of(place, id);
  if (!use || !store::has_blob(place.root, use->manifest)) return std::nullopt;
  try {
    store::Image image = store::read_image(
        place.root,
        {.name = {},
         .manifest = {.media_type = std::string(oci::media_type::manifest), .digest = use->manifest}});
    for (const auto& layer : image.manifest.layers)
      if (!store::has_blob(place.root, layer.digest)) return std::nullopt;
    return image;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    return std::nullopt;
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Its text in a file that the next program has as `/proc/self/fd/NUMBER`.
sys::UniqueFd make_text_file(const std::string& text) {
  sys::UniqueFd file = sys::make_memory_file("image-config", 0);
  sys::write_all(file, text);
  return file;
}

void keep_over_exec(sys::Fd file) {
  if (::fcntl(file.number(), F_SETFD, 0) != 0) throw system_error("cannot hand a descriptor over");
}

oci::ImageConfig make_config(const Container& container, const Definition& definition,
                             const std::optional<store::Image>& base, const CommitOptions& options) {
  oci::ImageConfig config;
  if (base) config = base->config;
  if (!base) config.platform = oci::own_platform();
  config.created = now();
  config.author = options.author;
  config.defaults = committed_defaults(definition.options, config.defaults);
  oci::apply_changes(config.defaults, options.changes);
  if (!config.defaults.stop_signal.empty()) {
    Step step("change", "STOPSIGNAL");
    parse_signal(config.defaults.stop_signal);
  }
  config.history.push_back(
      {.created = config.created,
       .created_by =
           joined(definition.options.command.empty() ? container.record.command : definition.options.command),
       .author = options.author,
       .comment = options.message});
  return config;
}

[[noreturn]] void become(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw system_error(format("cannot execute {}", program),
                     "it must be a program for this machine; install it again");
}

}  // namespace

oci::ImageDefaults committed_defaults(const RunOptions& options, const oci::ImageDefaults& image) {
  oci::ImageDefaults defaults = image;
  defaults.user = options.user;
  defaults.working_directory = options.working_directory.value;
  defaults.stop_signal = options.stop_signal;
  defaults.environment = options.environment;
  defaults.entrypoint = options.entrypoint.value_or(std::vector<std::string>());
  defaults.command = options.command;
  defaults.on_build.clear();
  defaults.labels.clear();
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    defaults.labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  for (const auto& bind : options.binds)
    if (bind.anonymous &&
        std::ranges::find(defaults.volumes, bind.destination.value) == defaults.volumes.end())
      defaults.volumes.push_back(bind.destination.value);
  std::ranges::sort(defaults.volumes);
  return defaults;
}

void commit_container(const state::Place& place, const std::string& name_or_id,
                      const CommitOptions& options) {
  const std::string name =
      options.name.empty() ? std::string() : oci::parse_name_to_give(options.name).text();
  const Container container = find_container(place, name_or_id);
  const ContainerId& id = container.record.id;
  const HostPath directory = place.directory_of(id);
  const auto definition = read_definition(directory);
  if (!definition) throw Error(ErrorKind::not_found, format("No such container: {}", container.record.name));
  const std::string program = image_program();
  std::optional<store::Image> base = find_base(place, id);
  oci::ImageConfig config = make_config(container, *definition, base, options);
  std::vector<HostPath> layers = layers_of(*definition, directory);
  // Its own copy of everything, or all that is left of an image: one layer.
  if (layers.size() == 1) base.reset();
  if (base) {
    layers.resize(1);
  } else {
    config.layers.clear();
    config.history.erase(config.history.begin(), config.history.end() - 1);
  }

  const sys::UniqueFd text = make_text_file(oci::to_text(config));
  std::vector<std::string> words{"tare-image",  "--root",   place.root.value,
                                 "commit",      "--config", format("/proc/self/fd/{}", text.number()),
                                 "--container", id.value};
  if (base) words.insert(words.end(), {"--base", base->manifest_descriptor.digest.value});
  if (!name.empty()) words.insert(words.end(), {"--name", name});
  if (has_user_marks(*definition)) words.emplace_back("--user-marks");
  const sys::UniqueFd still = options.pauses ? hold_still(place, id) : sys::UniqueFd();
  if (still) words.insert(words.end(), {"--until-read", std::to_string(still.number())});
  words.emplace_back("--");
  for (const auto& layer : layers) words.push_back(layer.value);
  keep_over_exec(text);
  if (still) keep_over_exec(still);
  become(program, std::move(words));
}

}  // namespace tare::engine
