#include "engine/mounts.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "state/names.h"

namespace tare::engine {
namespace {

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

bool is_host_path(const std::string& source) {
  return source.starts_with('/') || source.starts_with("./") || source.starts_with("../") || source == "." ||
         source == "..";
}

// Those that take effect on the mount, not on the file system inside it.
constexpr std::string_view mount_options[] = {"ro",    "rw",  "z",      "Z",    "nosuid",  "suid",
                                              "nodev", "dev", "noexec", "exec", "noatime", "nodiratime"};
constexpr std::string_view bind_options[] = {"bind",   "rbind",   "private", "rprivate",
                                             "shared", "rshared", "slave",   "rslave"};

bool is_one_of(std::span<const std::string_view> known, std::string_view option) {
  return std::ranges::find(known, option) != known.end();
}

// ---------------------------------------------------------------------------------- `--mount`

/// One record of comma-separated values (RFC 4180): a value in quotes may contain commas, and quotes doubled.
std::vector<std::string> parse_csv(const std::string& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); i++) {
    std::string& field = fields.back();
    const char c = text[i];
    if (quoted && c == '"' && text.substr(i + 1, 1) == "\"")
      field += text[i++];
    else if (quoted && c == '"')
      quoted = false;
    else if (!quoted && c == '"' && field.empty())
      quoted = true;
    else if (!quoted && c == '"')
      throw invalid("parse error: bare \" in non-quoted field");
    else if (!quoted && c == ',')
      fields.emplace_back();
    else
      field += c;
  }
  if (quoted) throw invalid("parse error: extraneous or missing \" in quoted field");
  return fields;
}

enum class Key {
  type,
  source,
  target,
  read_only,
  consistency,
  propagation,
  recursive,
  no_recursion,
  no_copy,
  label,
  driver,
  size,
  mode
};

struct KeyName {
  std::string_view name;
  Key key;
  bool is_switch = false;  ///< also without a value
};

constexpr KeyName key_names[] = {{"type", Key::type},
                                 {"source", Key::source},
                                 {"src", Key::source},
                                 {"target", Key::target},
                                 {"destination", Key::target},
                                 {"dst", Key::target},
                                 {"readonly", Key::read_only, true},
                                 {"ro", Key::read_only, true},
                                 {"consistency", Key::consistency},
                                 {"bind-propagation", Key::propagation},
                                 {"bind-recursive", Key::recursive},
                                 {"bind-nonrecursive", Key::no_recursion, true},
                                 {"volume-nocopy", Key::no_copy, true},
                                 {"volume-label", Key::label},
                                 {"volume-driver", Key::driver},
                                 {"tmpfs-size", Key::size},
                                 {"tmpfs-mode", Key::mode}};

struct MountWords {
  std::string type = "volume", source, target, propagation, recursive, driver;
  bool read_only = false, no_recursion = false, no_copy = false, has_source = false;
  std::vector<std::string> labels, tmpfs_options;
  std::string bind_key, volume_key, tmpfs_key;  ///< the first one given that is for this type only
};

bool parse_switch(std::string_view key, const std::string& value) {
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"})
    if (value == no) return false;
  throw invalid(format("invalid value for {}: {}", key, value));
}

void check_one_of(std::string_view key, const std::string& value,
                  std::initializer_list<std::string_view> known) {
  if (std::ranges::find(known, value) != known.end()) return;
  std::string words;
  for (const auto word : known) words.append(words.empty() ? "" : ", ").append(word);
  throw invalid(format("invalid value for {}: {}", key, value), "one of " + words);
}

std::string parse_tmpfs_mode(const std::string& value) {
  if (value.empty() || value.size() > 5 || value.find_first_not_of("01234567") != std::string::npos)
    throw invalid(format("invalid value for tmpfs-mode: {}", value), "an octal number such as 1777");
  return "mode=" + value;
}

void take_key(MountWords& words, const KeyName& name, const std::string& value) {
  std::string* const of_type = name.name.starts_with("bind-")     ? &words.bind_key
                               : name.name.starts_with("volume-") ? &words.volume_key
                               : name.name.starts_with("tmpfs-")  ? &words.tmpfs_key
                                                                  : nullptr;
  if (of_type && of_type->empty()) *of_type = name.name;
  switch (name.key) {
    case Key::type: words.type = value; break;
    case Key::source:
      words.source = value;
      words.has_source = true;
      break;
    case Key::target: words.target = value; break;
    case Key::read_only: words.read_only = parse_switch(name.name, value); break;
    case Key::consistency:
      check_one_of(name.name, value, {"consistent", "cached", "delegated", "default"});
      break;
    case Key::propagation:
      check_one_of(name.name, value, {"private", "rprivate", "shared", "rshared", "slave", "rslave"});
      words.propagation = value;
      break;
    case Key::recursive:
      check_one_of(name.name, value, {"enabled", "disabled", "writable", "readonly"});
      words.recursive = value;
      break;
    case Key::no_recursion: words.no_recursion = parse_switch(name.name, value); break;
    case Key::no_copy: words.no_copy = parse_switch(name.name, value); break;
    case Key::label: words.labels.push_back(value); break;
    case Key::driver: words.driver = value; break;
    case Key::size: words.tmpfs_options.push_back(format("size={}", parse_size(value))); break;
    case Key::mode: words.tmpfs_options.push_back(parse_tmpfs_mode(value)); break;
  }
}

MountWords read_mount_words(const std::string& text) {
  MountWords words;
  for (const auto& field : parse_csv(text)) {
    const auto equals = field.find('=');
    const std::string key = field.substr(0, equals);
    const auto* name = std::ranges::find(key_names, key, &KeyName::name);
    if (equals == std::string::npos && (name == std::end(key_names) || !name->is_switch))
      throw invalid(format("invalid field '{}' must be a key=value pair", field));
    if (name == std::end(key_names)) throw invalid(format("unexpected key '{}' in '{}'", key, field));
    take_key(words, *name, equals == std::string::npos ? "true" : field.substr(equals + 1));
  }
  return words;
}

void check_keys_fit(const MountWords& words) {
  const struct {
    std::string_view type;
    const std::string& key;
  } rows[] = {{"bind", words.bind_key}, {"volume", words.volume_key}, {"tmpfs", words.tmpfs_key}};
  for (const auto& row : rows)
    if (!row.key.empty() && words.type != row.type)
      throw invalid(format("cannot mix '{}-*' options with mount type '{}'", row.type, words.type));
}

Bind bind_of(const MountWords& words, ContainerPath target) {
  if (words.source.empty())
    throw invalid("invalid mount config for type \"bind\": field Source must not be empty");
  if (!is_host_path(words.source))
    throw invalid(
        format("invalid mount config for type \"bind\": invalid mount path: '{}' mount path must be "
               "absolute",
               words.source),
        "it may also begin with ./ or ../");
  if (words.recursive == "writable")
    throw Error(ErrorKind::unsupported, "bind-recursive=writable is not supported", 0,
                "what is mounted below a read-only bind is read-only, too");
  if (words.recursive == "readonly" && !words.read_only)
    throw invalid("mount options for bind-recursive=readonly need the readonly option");
  const bool recursive = words.recursive != "disabled" && !words.no_recursion;
  Bind bind{
      .source = words.source, .destination = std::move(target), .options = {recursive ? "rbind" : "bind"}};
  if (!words.propagation.empty()) bind.options.push_back(words.propagation);
  if (words.read_only) bind.options.emplace_back("ro");
  bind.must_exist = true;
  return bind;
}

Bind volume_of(const MountWords& words, ContainerPath target) {
  if (!words.driver.empty() && words.driver != "local")
    throw invalid(format("plugin \"{}\" not found", words.driver), "the only volume driver is local");
  if (!words.source.empty()) check_volume_name(words.source);
  Bind bind{.destination = std::move(target), .options = {"rbind"}};
  bind.is_volume = true;
  bind.anonymous = words.source.empty();
  bind.volume = words.source;
  bind.copies_up = !words.no_copy;
  bind.labels = words.labels;
  if (words.read_only) bind.options.emplace_back("ro");
  return bind;
}

const std::vector<std::string> tmpfs_defaults = {"noexec", "nosuid", "nodev"};

Tmpfs tmpfs_of(const MountWords& words, ContainerPath target) {
  if (!words.source.empty())
    throw invalid("invalid mount config for type \"tmpfs\": field Source must not be specified");
  Tmpfs tmpfs{.destination = std::move(target), .options = tmpfs_defaults};
  tmpfs.options.insert(tmpfs.options.end(), words.tmpfs_options.begin(), words.tmpfs_options.end());
  if (words.read_only) tmpfs.options.emplace_back("ro");
  return tmpfs;
}

}  // namespace

void check_volume_name(const std::string& name) {
  if (state::is_name(name)) return;
  if (name.size() == 1)
    throw invalid("volume name is too short, names should be at least two alphanumeric characters");
  throw invalid(format("\"{}\" includes invalid characters for a local volume name, only "
                       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
                       name),
                "if you intended to pass a host directory, begin it with /, ./ or ../");
}

ContainerPath plain_path(const std::string& what, const std::string& path) {
  if (!path.starts_with('/')) throw invalid(format("{} \"{}\" is not an absolute path", what, path));
  std::string plain;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      plain.erase(plain.empty() ? 0 : plain.find_last_of('/'));
    else
      plain += "/" + part;
  }
  return ContainerPath(plain.empty() ? "/" : plain);
}

Bind parse_bind(const std::string& text) {
  std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3 || std::ranges::find(parts, "") != parts.end())
    throw invalid(format("invalid volume specification: '{}'", text), "[SOURCE:]DESTINATION[:OPTIONS]");
  const bool has_source = parts.size() > 1;
  Bind bind{.destination = plain_path("the destination", parts[has_source ? 1 : 0])};
  bind.is_volume = !has_source || !is_host_path(parts[0]);
  bind.anonymous = !has_source;
  if (has_source && bind.is_volume) check_volume_name(parts[0]);
  if (has_source) (bind.is_volume ? bind.volume : bind.source) = parts[0];
  bool recursive = true;
  if (parts.size() == 3)
    for (auto& option : split(parts[2], ',')) {
      if (bind.is_volume && option == "nocopy") {
        bind.copies_up = false;
        continue;
      }
      if (!is_one_of(mount_options, option) && (bind.is_volume || !is_one_of(bind_options, option)))
        throw invalid(format("invalid mode: unknown option \"{}\" in \"{}\"", option, text));
      if (option == "bind") recursive = false;
      bind.options.push_back(std::move(option));
    }
  bind.options.insert(bind.options.begin(), recursive ? "rbind" : "bind");
  return bind;
}

std::variant<Bind, Tmpfs> parse_mount(const std::string& text) {
  const MountWords words = read_mount_words(text);
  if (words.type != "bind" && words.type != "volume" && words.type != "tmpfs")
    throw invalid(format("mount type unknown: \"{}\"", words.type), "one of bind, volume, tmpfs");
  if (words.target.empty()) throw invalid("target is required");
  check_keys_fit(words);
  ContainerPath target = plain_path("the target", words.target);
  if (words.type == "bind") return bind_of(words, std::move(target));
  if (words.type == "volume") return volume_of(words, std::move(target));
  return tmpfs_of(words, std::move(target));
}

Tmpfs parse_tmpfs(const std::string& text) {
  const auto colon = text.find(':');
  Tmpfs tmpfs{.destination = plain_path("the destination", text.substr(0, colon)), .options = tmpfs_defaults};
  if (colon == std::string::npos) return tmpfs;
  for (auto& option : split(text.substr(colon + 1), ',')) {
    if (option.starts_with("size=")) option = format("size={}", parse_size(option.substr(5)));
    if (!option.empty()) tmpfs.options.push_back(std::move(option));
  }
  return tmpfs;
}

VolumesFrom parse_volumes_from(const std::string& text) {
  const auto colon = text.find(':');
  VolumesFrom from{.container = text.substr(0, colon)};
  if (from.container.empty()) throw invalid("volumes-from specification cannot be an empty string");
  if (colon == std::string::npos) return from;
  const std::string mode = text.substr(colon + 1);
  if (mode != "ro" && mode != "rw") throw invalid(format("invalid mode: {}", mode), "ro or rw");
  from.read_only = mode == "ro";
  return from;
}

void check_mount_points(const std::vector<Bind>& binds, const std::vector<Tmpfs>& tmpfs) {
  std::vector<std::string> taken;
  const auto take = [&](const ContainerPath& path) {
    if (std::ranges::find(taken, path.value) != taken.end())
      throw invalid(format("Duplicate mount point: {}", path.value));
    taken.push_back(path.value);
  };
  for (const auto& bind : binds) take(bind.destination);
  for (const auto& mount : tmpfs) take(mount.destination);
}

}  // namespace tare::engine
