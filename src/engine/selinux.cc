// SELinux: which labels, in the words of the host's policy.
#include <algorithm>
#include <random>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "engine/definition.h"
#include "engine/security_labels.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr std::uint32_t categories = 1024, pairs = categories * (categories - 1) / 2;

// user:role:type:level; the level has colons of its own.
struct Context {
  std::string user, role, type, level;
  std::string text() const { return format("{}:{}:{}:{}", user, role, type, level); }
};

Context parse_context(const std::string& text) {
  std::string* parts[4];
  Context label;
  parts[0] = &label.user, parts[1] = &label.role, parts[2] = &label.type, parts[3] = &label.level;
  std::size_t at = 0;
  for (const char c : text)
    if (c == ':' && at < 3)
      at++;
    else
      parts[at]->push_back(c);
  return label;
}

// The value of `key = "value"` in lxc_contexts.
std::string context(const std::string& text, const std::string& key) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto equals = line.find('='), open = line.find('"'), close = line.rfind('"');
    if (equals == std::string::npos || open == std::string::npos || close <= open || open < equals) continue;
    std::string name = line.substr(0, equals);
    std::erase_if(name, [](char c) { return c == ' ' || c == '\t'; });
    if (name == key) return line.substr(open + 1, close - open - 1);
  }
  return {};
}

bool says(const SecurityOptions& options, std::string_view kind) {
  return std::ranges::any_of(options.labels, [&](const auto& label) { return label.starts_with(kind); });
}

}  // namespace

SelinuxLabels make_selinux_labels(const SecurityOptions& options, bool privileged,
                                  const SecurityModules& modules) {
  Context process = parse_context(context(modules.selinux_contexts, "process"));
  Context file = parse_context(context(modules.selinux_contexts, "file"));
  if (!modules.selinux || privileged || process.type.empty() || says(options, "disable")) return {};
  for (const auto& label : options.labels) {
    const auto colon = label.find(':');
    const std::string kind = label.substr(0, colon), value = label.substr(colon + 1);
    if (kind == "user") process.user = file.user = value;
    if (kind == "role") process.role = value;
    if (kind == "type") process.type = value;
    if (kind == "level") process.level = file.level = value;
    if (kind == "filetype") file.type = value;
  }
  return {.process = process.text(), .mount = file.type.empty() ? "" : file.text()};
}

std::string level_of(std::uint32_t number) {
  // Pairs with 0 come first, then those with 1, and so on.
  std::uint32_t low = 0;
  while (number >= categories - 1 - low) number -= categories - 1 - low++;
  return format("s0:c{},c{}", low, low + 1 + number);
}

void choose_selinux_level(const state::Place& place, RunOptions& options, const SecurityModules& modules) {
  const SecurityOptions wish = parse_security_options(options.security_options);
  if (make_selinux_labels(wish, options.privileged, modules).process.empty() || says(wish, "level:")) return;
  std::vector<std::string> taken;
  for (const auto& id : state::list(place)) {
    try {
      if (auto definition = read_definition(place.directory_of(id)))
        for (auto& option : definition->options.security_options) taken.push_back(std::move(option));
    } catch (const Error&) {
      continue;  // it cannot be started
    }
  }
  std::random_device random;
  std::string option;
  do option = "label=level:" + level_of(std::uniform_int_distribution<std::uint32_t>(0, pairs - 1)(random));
  while (std::ranges::find(taken, option) != taken.end());
  options.security_options.push_back(std::move(option));
}

}  // namespace tare::engine
