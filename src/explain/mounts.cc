#include "explain/mounts.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cgroup/text.h"
#include "explain/proc_text.h"

namespace tare::explain {
namespace {

using cgroup::next_word;

constexpr std::size_t most_mounts = 10'000;

// File systems whose contents the kernel makes: what is mounted of them tells nothing of the host's files.
constexpr std::array<std::string_view, 9> kernel_types = {
    "proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "debugfs", "tracefs", "securityfs"};

bool has(const std::vector<std::string>& options, std::string_view option) {
  return std::ranges::find(options, option) != options.end();
}

// What stands after "KEY=" in one of the options.
std::optional<std::string> value_of_option(const std::vector<std::string>& options, std::string_view key) {
  for (const auto& option : options)
    if (option.starts_with(key) && option.size() > key.size() && option[key.size()] == '=')
      return option.substr(key.size() + 1);
  return std::nullopt;
}

// "64k", "1024m": the kernel shows sizes so.
std::optional<Bytes> size_of(const std::vector<std::string>& options) {
  auto text = value_of_option(options, "size");
  if (!text || text->empty()) return std::nullopt;
  const auto unit = std::string_view("kmg").find(text->back());
  if (unit != std::string_view::npos) text->pop_back();
  const auto number = cgroup::to_number(*text);
  constexpr std::uint64_t most = std::uint64_t{1} << 32;
  if (!number || (unit != std::string_view::npos && *number > most)) return std::nullopt;
  return static_cast<Bytes>(*number << (unit == std::string_view::npos ? 0 : 10 * (unit + 1)));
}

std::string below(std::string_view top, std::string_view rest) {
  if (rest.empty()) return std::string(top);
  return (top == "/" ? "" : std::string(top)) + std::string(rest);
}

// What of `path` is left below `top`, "" for `top` itself; nullopt: it lies elsewhere.
std::optional<std::string_view> rest_below(std::string_view path, std::string_view top) {
  if (top == "/") return path == "/" ? std::string_view() : path;
  if (!path.starts_with(top)) return std::nullopt;
  path.remove_prefix(top.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

// Where the host has the same part of the same file system; the mount that shows least around it counts.
std::optional<std::string> find_on_host(const MountLine& line, const std::vector<MountLine>& host) {
  const MountLine* best = nullptr;
  for (const auto& one : host)
    if (one.device == line.device && rest_below(line.root, one.root) &&
        (!best || one.root.size() > best->root.size()))
      best = &one;
  if (!best) return std::nullopt;
  return below(best->where, *rest_below(line.root, best->root));
}

// overlayfs separates layers by colons, data layers by two; a backslash makes a colon part of a name.
std::vector<std::string> layers_of(const MountLine& line) {
  std::vector<std::string> layers;
  for (const auto& option : line.super_options) {
    if (option.starts_with("lowerdir+=")) layers.push_back(option.substr(10));
    if (!option.starts_with("lowerdir=")) continue;
    std::string layer;
    for (std::size_t i = 9; i <= option.size(); i++) {
      if (i == option.size() || option[i] == ':') {
        if (!layer.empty()) layers.push_back(std::move(layer));
        layer.clear();
      } else {
        if (option[i] == '\\' && i + 1 < option.size()) i++;
        layer += option[i];
      }
    }
  }
  return layers;
}

bool is_masked(const MountLine& line) {
  if (line.where == "/dev/null" || line.type == "overlay") return false;
  const bool is_null = line.root == "/null" && (line.type == "devtmpfs" || line.type == "tmpfs");
  return is_null || (line.type == "tmpfs" && has(line.options, "ro") &&
                     (has(line.super_options, "nr_inodes=2") || has(line.super_options, "size=0k")));
}

// The same files once more in the same place, which can be only for the mount's options.
bool is_protection(const MountLine& line, const MountLine* parent) {
  if (!parent || parent->device != line.device || !has(line.options, "ro")) return false;
  const auto rest = rest_below(line.where, parent->where);
  return rest && below(parent->root, *rest) == line.root;
}

void explain_root(const MountLine& line, const KnownPlaces& places, Mount& mount) {
  mount.origin = origin::root;
  if (line.type != "overlay") {
    mount.from = find_on_host(line, places.host).value_or("");
    return;
  }
  mount.layers = layers_of(line);
  const bool has_names =
      std::ranges::none_of(mount.layers, [](const auto& layer) { return layer.starts_with("/proc/"); });
  if (!has_names && places.layers.size() == mount.layers.size()) mount.layers = places.layers;
  mount.from = value_of_option(line.super_options, "upperdir").value_or("");
  if (mount.from.starts_with("/proc/")) mount.from = (places.own_directory / "upper").value;
}

void explain_host_path(const MountLine& line, const std::string& path, const KnownPlaces& places,
                       Mount& mount) {
  mount.origin = line.type == "devtmpfs" && line.root != "/" ? origin::device : origin::bind;
  mount.from = path;
  if (const auto own = rest_below(path, places.own_directory.value); own && !own->empty())
    mount.origin = origin::own_file;
  const auto rest = rest_below(path, places.volumes.value);
  if (!rest || rest->empty()) return;
  std::string_view name = rest->substr(1);
  name = next_word(name, '/');
  const auto inside = rest_below(*rest, "/" + std::string(name) + "/_data");
  if (!inside) return;
  mount.origin = origin::volume;
  mount.from = std::string(name) + std::string(*inside);
}

Mount explain_mount(const MountLine& line, const MountLine* parent, const KnownPlaces& places) {
  Mount mount{.where = line.where,
              .type = line.type,
              .options = line.options,
              .filesystem_options = line.super_options};
  mount.is_read_only = has(line.options, "ro") || has(line.super_options, "ro");
  if (line.where == "/") {
    explain_root(line, places, mount);
  } else if (is_masked(line)) {
    mount.origin = origin::masked;
  } else if (is_protection(line, parent)) {
    mount.origin = origin::protection;
  } else if (std::ranges::find(kernel_types, line.type) != kernel_types.end()) {
    mount.origin = origin::kernel;
  } else if (const auto path = find_on_host(line, places.host)) {
    explain_host_path(line, *path, places, mount);
  } else if (line.type == "tmpfs") {
    mount.origin = origin::memory;
    mount.size = size_of(line.super_options);
  } else {
    mount.origin = origin::other;
  }
  return mount;
}

// The commas of a value are escaped, too, so the list is taken apart first.
std::vector<std::string> options_of(std::string_view text) {
  std::vector<std::string> options;
  while (!text.empty()) options.push_back(unescape_octal(next_word(text, ',')));
  return options;
}

}  // namespace

std::vector<MountLine> parse_mountinfo(std::string_view text) {
  std::vector<MountLine> lines;
  while (!text.empty() && lines.size() < most_mounts) {
    const std::string_view line = next_word(text, '\n');
    const auto separator = line.find(" - ");  // after any number of optional fields
    if (separator == line.npos) continue;
    std::string_view before = line.substr(0, separator), after = line.substr(separator + 3);
    MountLine mount;
    mount.id = static_cast<int>(number_from(next_word(before, ' ')));
    mount.parent = static_cast<int>(number_from(next_word(before, ' ')));
    mount.device = next_word(before, ' ');
    mount.root = unescape_octal(next_word(before, ' '));
    mount.where = unescape_octal(next_word(before, ' '));
    mount.options = options_of(next_word(before, ' '));
    mount.type = unescape_octal(next_word(after, ' '));
    next_word(after, ' ');  // the source, which is a name at most
    mount.super_options = options_of(after);
    if (mount.where.starts_with('/')) lines.push_back(std::move(mount));
  }
  return lines;
}

std::vector<Mount> explain_mounts(const std::vector<MountLine>& lines, const KnownPlaces& places) {
  std::vector<Mount> mounts;
  for (const auto& line : lines) {
    const auto parent = std::ranges::find(lines, line.parent, &MountLine::id);
    mounts.push_back(explain_mount(line, parent == lines.end() ? nullptr : &*parent, places));
  }
  return mounts;
}

}  // namespace tare::explain
