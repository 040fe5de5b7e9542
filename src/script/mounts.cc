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

}  // namespace

Mounts::Mount& Mounts::mount_of(std::int32_t slot) {
  const auto [found, is_new] = mounts_.try_emplace(slot);
  if (!is_new) return found->second;
  for (const auto& input : program_.inputs)
    if (input.slot == slot && input.what == plan::Input::What::bind)
      found->second = {
          .command = format("mount --{} {}", input.recursive ? "rbind" : "bind", text_.host_path(input.path)),
          .options = {},
          .recursive = input.recursive,
          .of_file = true,
          .what = input.path,
          .target = {}};
  return found->second;
}

void Mounts::remount(const Mount& mount, const std::string& options, bool recursive, std::string_view why) {
  if (recursive)
    text_.line(format("remount_all {} {}", mount.target, options), why);
  else
    text_.line(format("mount -o remount,bind,{} {}", options, mount.target), why);
}

void Mounts::put(Mount& mount, const std::string& target, const std::string& shown) {
  mount.target = target;
  text_.line(format("{} {}", mount.command, target), format("{} is seen at {}", mount.what, shown));
  if (!mount.options.empty())
    remount(mount, mount.options, mount.recursive,
            format("and is {} there, whatever it is elsewhere", mount.options));
}

bool Mounts::write(const Entry& entry) {
  switch (entry.kind) {
    case Kind::new_filesystem: {
      std::string source = "none";
      std::vector<std::string> options =
          plan::mount_attribute_names(entry.a & ~std::uint64_t{MOUNT_ATTR_RDONLY});
      for (const auto& option : entry.list) {
        const std::string words = plan::option_words(program_, option);
        if (words.starts_with("source="))
          source = words.substr(7);
        else
          options.push_back(words);
      }
      std::string list;
      for (const auto& option : options) {
        if (!list.empty()) list += ",";
        const auto equals = option.find('=');
        if (option.find("dir=/") == option.npos) {
          list += quoted(option);
          continue;
        }
        list += option.substr(0, equals + 1);
        for (std::size_t at = equals + 1, end = 0; end != option.npos; at = end + 1) {
          end = option.find(':', at);
          list += text_.host_path(option.substr(at, end - at)) + (end == option.npos ? "" : ":");
        }
      }
      Mount mount{.command = format("mount -t {} {}{}{}", entry.text, list.empty() ? "" : "-o ",
                                    list.empty() ? list : list + " ", quoted(source)),
                  .options = entry.a & MOUNT_ATTR_RDONLY ? "ro" : "",
                  .recursive = false,
                  .of_file = false,
                  .what = "a file system of its own, " + entry.text + ",",
                  .target = {}};
      mounts_[entry.into] = std::move(mount);
      return true;
    }
    case Kind::clone_tree:
      mounts_[entry.into] = {
          .command = format("mount --{} {}", entry.a ? "rbind" : "bind", text_.host_path(entry.path)),
          .options = {},
          .recursive = entry.a != 0,
          .of_file = false,
          .what = "the directory itself",
          .target = {}};
      return true;
    case Kind::attach_root: {
      Mount& mount = mount_of(entry.slot);
      put(mount, "\"$root\"", "the container's root for now");
      mounts_[plan::root_slot] = mount;
      return true;
    }
    case Kind::set_attributes: {
      Mount& mount = mount_of(entry.slot);
      std::vector<std::string> options = cleared(entry.b & ~entry.a);
      for (auto& name : plan::mount_attribute_names(entry.a)) options.push_back(name);
      const bool recursive = entry.flags & plan::recursive;
      if (mount.target.empty()) {
        mount.options = joined_options(options);
        mount.recursive = recursive;
      } else {
        remount(mount, joined_options(options), recursive,
                format("now that all is in it: {}", joined_options(options)));
      }
      return true;
    }
    case Kind::attach: {
      Mount& mount = mount_of(entry.slot);
      const std::string target = Text::root_path(entry.path);
      if (mount.of_file) {
        const std::string source = mount.command.substr(mount.command.find(' ', 6) + 1);
        text_.line(format("make_target {} {}", source, target),
                   "a mount needs something of its kind to lie over");
      } else {
        text_.line(format("mkdir -p {}", target), "a mount needs a directory to lie over");
      }
      put(mount, target, entry.path);
      return true;
    }
    case Kind::make_directory:
      if (entry.into != plan::no_slot) directories_[entry.into] = entry.path;
      if (entry.path != "/")
        text_.line(format("mkdir -p {}", Text::root_path(entry.path)),
                   "may be missing in the root file system");
      return true;
    case Kind::open_directory: directories_[entry.into] = entry.path; return true;
    case Kind::make_node: {
      const dev_t device = static_cast<std::uint32_t>(entry.b);
      const std::string node = Text::root_path(directories_[entry.slot] + "/" + entry.text);
      text_.line(format("mknod -m {:o} {} {} {} {}", entry.a & 07777, node, S_ISBLK(entry.a) ? "b" : "c",
                        major(device), minor(device)),
                 "a device that every program may expect, or that was asked for");
      if (entry.a >> 32 || entry.b >> 32)
        text_.line(format("chown {}:{} {}", entry.a >> 32, entry.b >> 32, node),
                   "its owner is that of the host's");
      return true;
    }
    case Kind::make_symlink:
      text_.line(format("ln -s {} {}", quoted(entry.text),
                        Text::root_path(directories_[entry.slot] + "/" + entry.path)),
                 "programs look for it there");
      return true;
    case Kind::set_parameter:
      text_.line(format("echo {} >{}", quoted(entry.text), Text::root_path("/proc/" + entry.path)),
                 "a kernel parameter of its namespaces");
      return true;
    case Kind::mask:
      text_.line(format("hide {}", Text::root_path(entry.path)), "tells of the host, or lets it be changed");
      return true;
    case Kind::protect:
      text_.line(format("protect {}", Text::root_path(entry.path)),
                 "may be read, but changing it changes the host");
      return true;
    default: return false;
  }
}

}  // namespace tare::script
