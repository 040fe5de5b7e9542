#include "engine/devices.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "engine/host_devices.h"
#include "engine/mounts.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr std::string_view every_access = "rwm";

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

// Each letter at most once.
bool is_access(std::string_view text) {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); i++)
    if (every_access.find(text[i]) == every_access.npos || text.find(text[i], i + 1) != text.npos)
      return false;
  return true;
}

// vendor.com/class=name, of the Container Device Interface.
bool is_of_cdi(const std::string& text) {
  return !text.starts_with('/') && text.find('=') != std::string::npos && text.find('/') < text.find('=');
}

void allow(oci::DeviceRule& rule, std::string_view access) {
  rule.allow = true;
  rule.read = access.find('r') != access.npos;
  rule.write = access.find('w') != access.npos;
  rule.mknod = access.find('m') != access.npos;
}

Error cannot_gather(const Device& wanted, std::string_view why, int error_number = 0) {
  return Error(
      error_number == ENOENT ? ErrorKind::not_found : ErrorKind::invalid,
      format("error gathering device information while adding custom device \"{}\": {}", wanted.host, why));
}

std::vector<oci::DeviceNode> nodes_behind(const Device& wanted) {
  const auto status = sys::try_status(sys::here, wanted.host);
  if (!status) throw cannot_gather(wanted, errno_words(errno), errno);
  // Shown by a bind mount, the node itself is wanted and no link to it.
  const std::string real = sys::canonical(HostPath(wanted.host)).value;
  if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))
    return {{.path = wanted.container,
             .type = S_ISBLK(status->st_mode) ? 'b' : 'c',
             .major = major(status->st_rdev),
             .minor = minor(status->st_rdev),
             .mode = status->st_mode & 07777,
             .uid = status->st_uid,
             .gid = status->st_gid,
             .source = real}};
  if (!S_ISDIR(status->st_mode)) throw cannot_gather(wanted, "not a device node");
  auto nodes = list_host_devices(sys::open_at(sys::here, real, O_RDONLY | O_DIRECTORY), real);
  for (auto& node : nodes) {
    node.source = node.path.value;
    node.path.value.replace(0, real.size(), wanted.container.value);
  }
  if (nodes.empty()) throw cannot_gather(wanted, "not a device node");
  return nodes;
}

}  // namespace

Device parse_device(const std::string& text) {
  if (is_of_cdi(text))
    throw invalid(format("\"{}\" names a CDI device, which is not supported", text),
                  "name the device nodes themselves");
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3 || parts[0].empty()) throw invalid(format("invalid device specification: {}", text));
  Device device{.host = parts[0], .container = ContainerPath(parts[0]), .access = std::string(every_access)};
  if (parts.size() == 2 && is_access(parts[1]))
    device.access = parts[1];
  else if (parts.size() > 1 && !parts[1].empty())
    device.container = ContainerPath(parts[1]);
  if (parts.size() == 3) device.access = parts[2];
  if (!is_access(device.access)) throw invalid(format("bad mode specified: {}", device.access));
  device.container = plain_path("the device", device.container.value);
  return device;
}

oci::DeviceRule parse_device_rule(const std::string& text) {
  const auto wrong = [&] { return invalid(format("invalid device cgroup format '{}'", text)); };
  const auto blank = text.find(' '), colon = text.find(':'), last = text.rfind(' ');
  const bool has_shape = blank == 1 && colon != text.npos && colon > blank && last > colon;
  if (!has_shape || std::string_view("abc").find(text[0]) == std::string_view::npos) throw wrong();
  const auto number = [&](std::string_view word) -> std::optional<std::uint32_t> {
    if (word == "*") return std::nullopt;
    try {
      return parse_integer<std::uint32_t>(word);
    } catch (const Error&) {
      throw wrong();
    }
  };
  oci::DeviceRule rule{.type = text[0],
                       .major = number(std::string_view(text).substr(2, colon - 2)),
                       .minor = number(std::string_view(text).substr(colon + 1, last - colon - 1))};
  const std::string_view access = std::string_view(text).substr(last + 1);
  if (!is_access(access)) throw wrong();
  allow(rule, access);
  return rule;
}

FoundDevices find_devices(const std::vector<Device>& wanted) {
  FoundDevices found;
  for (const auto& device : wanted)
    for (auto& node : nodes_behind(device)) {
      oci::DeviceRule rule{.type = node.type, .major = node.major, .minor = node.minor};
      allow(rule, device.access);
      found.rules.push_back(rule);
      // Of two at one place the later counts.
      std::erase_if(found.nodes, [&](const oci::DeviceNode& other) { return other.path == node.path; });
      found.nodes.push_back(std::move(node));
    }
  return found;
}

}  // namespace tare::engine
