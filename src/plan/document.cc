#include "plan/document.h"

#include "base/error.h"
#include "base/format.h"
#include "plan/print.h"

namespace tare::plan {
namespace {

using What = HostStep::What;

std::string_view operation_name(What what) {
  switch (what) {
    case What::pull: return "pull";
    case What::unpack: return "unpack";
    case What::look_up: return "look_up";
    case What::take_name: return "take_name";
    case What::copy_owner: return "copy_owner";
    case What::make_volume: return "make_volume";
    case What::fill_volume: return "fill_volume";
    case What::make_directory: return "make_directory";
    case What::write_file: return "write_file";
    case What::make_cgroup: return "make_cgroup";
    case What::start_unit: return "start_unit";
    case What::write_cgroup: return "write_cgroup";
    case What::filter_devices: return "filter_devices";
    case What::load_profile: return "load_profile";
    case What::start_monitor: return "start_monitor";
    case What::join_at_birth: return "join_at_birth";
    case What::listen: return "listen";
    case What::move_device: return "move_device";
    case What::run_hook: return "run_hook";
  }
  return "";
}

std::string words(const HostStep& step) {
  switch (step.what) {
    case What::pull: return format("pull the image {} and unpack its layers", step.path);
    case What::unpack: return format("unpack {} into the store, as its layer", step.path);
    case What::look_up: return format("look up {} in it", step.value);
    case What::take_name:
      return step.value.empty() ? format("take a free name in {}", step.path)
                                : format("take the name {}", step.value);
    case What::copy_owner: return format("give {} the owner, mode and times of {}", step.path, step.value);
    case What::make_volume: return format("make the volume {}", step.value);
    case What::fill_volume:
      return format("copy what the root file system has in {} into the volume", step.value);
    case What::make_directory: return format("make the directory {}", step.path);
    case What::write_file: return format("write the file {}", step.path);
    case What::make_cgroup: return format("make the cgroup {}", step.path);
    case What::start_unit:
      return format("have systemd start {}, whose cgroup is {}, with {}", step.value, step.path, step.why);
    case What::write_cgroup:
      return format("write {} to {}{} ({})", step.value, step.path,
                    step.other_path.empty() ? "" : format(", or {} to {}", step.other_value, step.other_path),
                    step.why);
    case What::filter_devices:
      return format("attach a program to {} that allows these devices: {}", step.path, step.value);
    case What::load_profile: return format("load the AppArmor profile {}", step.value);
    case What::start_monitor:
      return "start the monitor, with a session of its own" +
             (step.path.empty() ? std::string() : format(" and in the cgroup {}", step.path));
    case What::join_at_birth: return format("have the first process born in the cgroup {}", step.path);
    case What::listen: return format("listen at {}", step.path);
    case What::move_device:
      return format("move the network device {} into the container, as {}", step.path, step.value);
    case What::run_hook: return format("{}: run {}", step.why, step.value);
  }
  return {};
}

json::object to_json(const HostStep& step) {
  json::object object{{"operation", operation_name(step.what)}};
  if (!step.path.empty()) object["path"] = step.path;
  if (!step.value.empty()) object["value"] = step.value;
  if (!step.why.empty()) object["why"] = step.why;
  if (!step.other_path.empty()) {
    object["other_path"] = step.other_path;
    object["other_value"] = step.other_value;
  }
  if (step.optional) object["optional"] = true;
  object["words"] = words(step);
  return object;
}

}  // namespace

Format parse_format(const std::string& text) {
  if (text.empty() || text == "text") return Format::text;
  if (text == "json") return Format::json;
  throw Error(ErrorKind::invalid, "a plan is printed as text or json");
}

std::string print(const Document& document, Format format) {
  return format == Format::json ? json::pretty(to_json(document)) : print(document);
}

std::string print(const Document& document) {
  std::string text;
  for (const auto& step : document.host) text += format("   {}\n", words(step));
  text += print(document.program);
  if (!document.before_start.empty()) text += "   before it executes that:\n";
  for (const auto& step : document.before_start) text += format("   {}\n", words(step));
  if (!document.hooks.empty()) text += "   and the hooks:\n";
  for (const auto& step : document.hooks) text += format("   {}\n", words(step));
  return text;
}

json::value to_json(const Document& document) {
  const auto steps = [](const std::vector<HostStep>& from) {
    json::array array;
    for (const auto& step : from) array.push_back(to_json(step));
    return array;
  };
  json::object object = to_json(document.program);
  object["host"] = steps(document.host);
  object["before_start"] = steps(document.before_start);
  object["hooks"] = steps(document.hooks);
  return object;
}

}  // namespace tare::plan
