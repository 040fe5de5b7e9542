#include "script/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/format.h"
#include "plan/names.h"
#include "plan/print.h"

namespace tare::script {
namespace {

using plan::Entry;
using plan::Kind;

std::string joined_options(const std::vector<std::string>& options) {
  std::string text;
  for (const auto& option : options) text += (text.empty() ? "" : ",") + option;
  return text;
}

// Names that clear an attribute, as mount(8) has them.
std::vector<std::string> cleared(std::uint64_t attributes) {
  std::vector<std::string> names;
  for (const auto& name : plan::mount_attribute_names(attributes))
    if (name == "ro")
      names.emplace_back("rw");
    else if (name.starts_with("no"))
      names.push_back(name.substr(2));
  return names;
}

// Options whose values are paths, with a colon between two.
bool names_directories(std::string_view option) {
  return option.starts_with("=lowerdir") || option.starts_with("=upperdir") || option.starts_with("=workdir");
}

}  // namespace

bool is_staged(const Text& text, const plan::Program& program, const plan::Input& input) {
  return program.user_namespace && !is_own(text.host_path(input.path));
}

std::string bind_source(const Text& text, const plan::Program& program, const plan::Input& input) {
  return is_staged(text, program, input) ? format("\"$work\"/bind-{}", input.slot)
                                         : text.host_path(input.path);
}

Mounts::Mount& Mounts::mount_of(std::int32_t slot) {
  const auto [found, is_new] = mounts_.try_emplace(slot);
  if (!is_new) return found->second;
  for (const auto& input : program_.inputs)
    if (input.slot == slot && input.what == plan::Input::What::bind) {
      const std::string source = bind_source(text_, program_, input);
      found->second = {.command = format("mount --{} {}", input.recursive ? "rbind" : "bind", source),
                       .source = source,
                       .options = {},
                       .recursive = input.recursive,
                       .what = input.path,
                       .target = {}};
    }
  return found->second;
}

std::string Mounts::go_to(const std::string& path, std::uint32_t flags) {
  if (path == at_) return {};
  at_ = path;
  return format("in_root {}{}; ", quoted(path), flags & plan::no_symlinks ? " no_links" : "");
}

void Mounts::remount(const Mount& mount, const std::string& options, bool recursive, std::string_view why) {
  const bool is_root = mount.target == "/";
  const std::string front = is_root ? std::string() : go_to(mount.target, 0);
  const char* target = is_root ? "\"$root\"" : "\"$at\"";
  if (recursive)
    text_.line(format("{}remount_all {} {}", front, target, options), why);
  else
    text_.line(format("{}mount -o remount,bind,{} {}", front, options, target), why);
}

void Mounts::put(Mount& mount, const std::string& target) {
  mount.target = target;
  const bool is_root = target == "/";
  text_.line(format("{} {}", mount.command, is_root ? "\"$root\"" : "\"$at\""),
             format("{} is seen at {}", mount.what, is_root ? "the container's root for now" : target));
  if (!mount.options.empty())
    remount(mount, mount.options, mount.recursive,
            format("and is {} there, whatever it is elsewhere", mount.options));
}

// overlayfs takes names apart at colons, mount(8) options at commas and quotes; a link has a plain name.
std::string Mounts::directories_of(std::string_view list) {
  std::string words;
  while (true) {
    const auto end = list.find(':');
    const std::string path = plan::option_words(program_, "=" + std::string(list.substr(0, end)));
    std::string word = text_.layer_path(path);
    if (!is_own(word) && path.find_first_of(":,\\\"") != path.npos) {
      const std::string link = format("\"$work\"/layer-{}", ++links_);
      text_.line(format("ln -s {} {}", word, link),
                 "a plain name: its own would be taken apart at : , \\ or \"");
      word = link;
    }
    words += word;
    if (end == list.npos) return words;
    words += ":";
    list.remove_prefix(end + 1);
  }
}

std::string Mounts::options_of(const Entry& entry, std::string& source) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : ",") + word; };
  for (const auto& name : plan::mount_attribute_names(entry.a & ~std::uint64_t{MOUNT_ATTR_RDONLY})) add(name);
  for (const auto& option : entry.list) {
    const auto equals = option.find('\0');
    if (names_directories(option))
      add(option.substr(1, equals - 1) + "=" + directories_of(std::string_view(option).substr(equals + 1)));
    else if (option.starts_with("=source"))
      source = option.substr(equals + 1);
    else
      add(quoted(plan::option_words(program_, option)));
  }
  return words;
}

void Mounts::make(const Entry& entry) {
  std::string source = "none";
  const std::string options = options_of(entry, source);
  mounts_[entry.into] = {.command = format("mount -t {} {}{}{}", entry.text, options.empty() ? "" : "-o ",
                                           options.empty() ? options : options + " ", quoted(source)),
                         .source = {},
                         .options = entry.a & MOUNT_ATTR_RDONLY ? "ro" : "",
                         .recursive = false,
                         .what = "a file system of its own, " + entry.text + ",",
                         .target = {}};
}

void Mounts::set_attributes(const Entry& entry) {
  Mount& mount = mount_of(entry.slot);
  std::vector<std::string> options = cleared(entry.b & ~entry.a);
  for (auto& name : plan::mount_attribute_names(entry.a)) options.push_back(name);
  const bool recursive = entry.flags & plan::recursive;
  if (!mount.target.empty()) {
    remount(mount, joined_options(options), recursive,
            format("now that all is in it: {}", joined_options(options)));
    return;
  }
  mount.options = joined_options(options);
  mount.recursive = recursive;
}

void Mounts::attach(const Entry& entry) {
  Mount& mount = mount_of(entry.slot);
  const std::string front = go_to(entry.path, entry.flags);
  if (mount.source.empty())
    text_.line(format("{}mkdir -p \"$at\"", front), "a mount needs a directory to lie over");
  else
    text_.line(format("{}make_target {} \"$at\"", front, mount.source),
               "a mount needs something of its kind to lie over");
  put(mount, entry.path);
}

void Mounts::make_node(const Entry& entry) {
  const dev_t device = static_cast<std::uint32_t>(entry.b);
  const std::string front = go_to(directories_[entry.slot], plan::no_symlinks);
  text_.line(format("{}mknod -m {:o} \"$at\"/{} {} {} {}", front, entry.a & 07777, quoted(entry.text),
                    S_ISBLK(entry.a) ? "b" : "c", major(device), minor(device)),
             "a device that every program may expect, or that was asked for");
  if (entry.a >> 32 || entry.b >> 32)
    text_.line(format("chown {}:{} \"$at\"/{}", entry.a >> 32, entry.b >> 32, quoted(entry.text)),
               "its owner is that of the host's");
}

bool Mounts::write(const Entry& entry) {
  switch (entry.kind) {
    case Kind::new_filesystem: make(entry); return true;
    case Kind::clone_tree:
      mounts_[entry.into] = {
          .command = format("mount --{} {}", entry.a ? "rbind" : "bind", text_.host_path(entry.path)),
          .source = {},
          .options = {},
          .recursive = entry.a != 0,
          .what = "the directory itself",
          .target = {}};
      return true;
    case Kind::attach_root: {
      Mount& mount = mount_of(entry.slot);
      put(mount, "/");
      mounts_[plan::root_slot] = mount;
      return true;
    }
    case Kind::set_attributes: set_attributes(entry); return true;
    case Kind::attach: attach(entry); return true;
    case Kind::make_directory:
      if (entry.into != plan::no_slot) directories_[entry.into] = entry.path;
      if (entry.path != "/")
        text_.line(format("{}mkdir -p \"$at\"", go_to(entry.path, entry.flags)),
                   "may be missing in the root file system");
      return true;
    case Kind::open_directory: directories_[entry.into] = entry.path; return true;
    case Kind::make_node: make_node(entry); return true;
    case Kind::make_symlink: {
      const std::string front = go_to(directories_[entry.slot], plan::no_symlinks);
      text_.line(format("{}ln -s {} \"$at\"/{}", front, quoted(entry.text), quoted(entry.path)),
                 "programs look for it there");
      return true;
    }
    case Kind::set_parameter:
      text_.line(
          format("{}echo {} >\"$at\"", go_to("/proc/" + entry.path, plan::no_symlinks), quoted(entry.text)),
          "a kernel parameter of its namespaces");
      return true;
    case Kind::mask:
      at_.clear();
      text_.line(format("hide {}", quoted(entry.path)), "tells of the host, or lets it be changed");
      return true;
    case Kind::protect:
      at_.clear();
      text_.line(format("protect {}", quoted(entry.path)), "may be read, but changing it changes the host");
      return true;
    default: return false;
  }
}

}  // namespace tare::script
