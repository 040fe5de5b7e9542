#include "plan/print.h"

#include <bit>
#include <linux/ioprio.h>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/format.h"
#include "plan/names.h"

namespace tare::plan {
namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) text.append(text.empty() ? "" : separator).append(part);
  return text;
}

std::string options_words(const Program& program, const Entry& entry) {
  std::vector<std::string> parts = mount_attribute_names(entry.a);
  for (const auto& option : entry.list) parts.push_back(option_words(program, option));
  return parts.empty() ? std::string() : " (" + joined(parts, ",") + ")";
}

// What a mount is made to be, and what it is no longer.
std::string attributes_words(const Program& program, const Entry& entry) {
  std::vector<std::string> changes = mount_attribute_names(entry.a);
  for (const auto& name : mount_attribute_names(entry.b & ~entry.a)) changes.push_back("not " + name);
  return format("make {}{} {}", slot_words(program, entry.slot),
                entry.flags & recursive ? " and what is below it" : "", joined(changes, ","));
}

std::string node_words(const Program& program, const Entry& entry) {
  const std::uint64_t uid = entry.a >> 32, gid = entry.b >> 32;
  const dev_t device = static_cast<std::uint32_t>(entry.b);
  return format("make {}/{} ({} {}:{}, mode {:o}{})", slot_words(program, entry.slot), entry.text,
                S_ISFIFO(entry.a)  ? "named pipe"
                : S_ISBLK(entry.a) ? "block device"
                                   : "character device",
                major(device), minor(device), entry.a & 07777,
                uid | gid ? format(", owner {}:{}", uid, gid) : std::string());
}

std::string capability_words(std::uint64_t set) {
  if ((set & every_capability()) == every_capability()) return "ALL";
  return set == 0 ? "none" : joined(capability_names(set), " ");
}

std::string limit_words(std::uint64_t value) {
  return value == RLIM_INFINITY ? "unlimited" : format("{}", value);
}

// The flags are the upper bits of the mode (set_mempolicy(2)).
std::uint64_t memory_mode(const Entry& entry) {
  std::uint64_t mode = entry.a;
  for (const auto& flag : memory_mode_flags) mode &= ~flag.number;
  return mode;
}

std::string memory_policy_words(const Entry& entry) {
  std::string text(name_of(memory_modes, memory_mode(entry)));
  for (const auto& flag : names_of_bits(memory_mode_flags, entry.a)) text += " " + flag;
  return entry.text.empty() ? text : text + ", nodes " + entry.text;
}

std::string scheduler_words(const Scheduler& scheduler) {
  std::string text(name_of(scheduler_policies, scheduler.policy));
  for (const auto& flag : names_of_bits(scheduler_flags, scheduler.flags)) text += " " + flag;
  if (scheduler.policy == SCHED_DEADLINE)
    return text + format(", {} of every {} ns, at the latest after {}", scheduler.runtime, scheduler.period,
                         scheduler.deadline);
  if (scheduler.priority != 0) return text + format(", priority {}", scheduler.priority);
  return text + format(", nice {}", scheduler.nice);
}

std::string io_priority_words(std::uint16_t priority) {
  return format("{}, level {}", name_of(io_classes, IOPRIO_PRIO_CLASS(priority)), IOPRIO_PRIO_DATA(priority));
}

std::string settings_words(const Settings& settings) {
  std::string text;
  if (settings.oom_score_adj)
    text += format("   set its OOM score adjustment to {} before that word\n", *settings.oom_score_adj);
  if (settings.scheduler)
    text += format("   have it scheduled by {} before that word\n", scheduler_words(*settings.scheduler));
  if (settings.io_priority)
    text +=
        format("   set its I/O priority to {} before that word\n", io_priority_words(*settings.io_priority));
  if (!settings.processors.empty())
    text += format("   let it run on the processors {} from then on\n", settings.processors);
  return text;
}

// "0 100000 65536\n" → "0 100000 65536".
std::string one_line(std::string map) {
  while (map.ends_with('\n')) map.pop_back();
  for (std::size_t at; (at = map.find('\n')) != std::string::npos;) map.replace(at, 1, ", ");
  return map;
}

std::string propagation_words(const Program& program, const Entry& entry) {
  const bool is_whole_tree = entry.slot == no_slot;
  if (is_whole_tree && entry.a == (MS_REC | MS_PRIVATE)) return "make all mounts private to this namespace";
  return format("make {}{} {}", is_whole_tree ? "the root" : slot_words(program, entry.slot),
                entry.a & MS_REC ? " and all below" : "", propagation_name(entry.a));
}

std::string id_source_words(const IdSource& source) {
  return source.path.empty()
             ? format("uids {}; gids {}", one_line(source.maps.uid_map), one_line(source.maps.gid_map))
             : source.path;
}

std::string id_source_words(const Program& program, std::int32_t slot) {
  for (const auto& input : program.inputs)
    if (input.slot == slot && input.id_source) return id_source_words(*input.id_source);
  return "";
}

// As one would type it.
std::string quoted(const std::string& argument) {
  const bool is_plain = !argument.empty() && argument.find_first_of(" \t\n'\"\\$`*?") == argument.npos;
  if (is_plain) return argument;
  std::string text = "'";
  for (const char c : argument) text.append(c == '\'' ? "'\\''" : std::string(1, c));
  return text + "'";
}

std::string execute_words(const Entry& entry) {
  std::string text = "execute " + command_words(entry.arguments);
  if (entry.list.size() > 1) text += format(" (looked for as {})", joined(entry.list, ", "));
  for (const auto& variable : entry.environment) text += "\n      with " + variable;
  return text;
}

std::string_view ids_words(Input::Ids ids) {
  switch (ids) {
    case Input::Ids::kept: break;
    case Input::Ids::mapped: return ", with mapped ids";
    case Input::Ids::mapped_if_possible: return ", with mapped ids where possible";
  }
  return "";
}

std::string map_words(const Program& program) {
  if (!program.user_namespace) return "wait for the ids to be mapped";
  return format("wait until the monitor has mapped the ids: uids {}; gids {}",
                one_line(program.user_namespace->uid_map), one_line(program.user_namespace->gid_map));
}

std::string input_words(const Input& input) {
  if (input.what == Input::What::copied_tmpfs)
    return format("make a tmpfs and copy {} of {} into it", input.path, input.root);
  std::string text = "open " + input.path;
  if (!input.mount_namespace.empty()) text += " in the mount namespace of " + input.mount_namespace;
  text += ids_words(input.ids);
  if (input.what == Input::What::bind && input.id_source)
    text += format(", with ids of {}", id_source_words(*input.id_source));
  if (input.propagation.size() > 1 ||
      (input.propagation.size() == 1 && input.propagation[0] != (MS_REC | MS_PRIVATE)))
    for (const auto flags : input.propagation)
      text += format(", {}{}", flags & MS_REC ? "r" : "", propagation_name(flags));
  return text;
}

}  // namespace

std::string slot_words(const Program& program, std::int32_t slot) {
  if (slot == root_slot) return "the root";
  for (const auto& input : program.inputs)
    if (input.slot == slot) return input.path;
  for (const auto& entry : program.entries) {
    if (entry.into != slot) continue;
    if (entry.kind == Kind::new_filesystem) return entry.text;
    if (!entry.path.empty()) return entry.path;
  }
  return "the terminal";
}

std::string command_words(const std::vector<std::string>& arguments) {
  std::string text;
  for (const auto& argument : arguments) text.append(text.empty() ? "" : " ").append(quoted(argument));
  return text;
}

// "=size\0 64k" → "size=64k", "!ro" → "ro"; a descriptor stands for the path that the parent opened.
std::string option_words(const Program& program, const std::string& option) {
  std::string text = option.substr(1);
  if (const auto end = text.find('\0'); end != std::string::npos) text[end] = '=';
  for (const auto& input : program.inputs)
    if (const auto at = text.find(descriptor_path(input.slot)); at != std::string::npos)
      text.replace(at, descriptor_path(input.slot).size(), input.path);
  return text;
}

std::string words(const Program& program, const Entry& entry) {
  switch (entry.kind) {
    case Kind::set_name: return format("be called {} for now", entry.text);
    case Kind::die_with_parent: return entry.a ? "die when the monitor dies" : "live on when its parent dies";
    case Kind::reset_signals: return "take no ignored or blocked signals along";
    case Kind::start_session: return "start a session";
    case Kind::join_cgroup: return format("join the cgroup: write 0 to {}", slot_words(program, entry.slot));
    case Kind::unshare: return format("enter a new {} namespace", joined(namespace_names(entry.a), ", "));
    case Kind::set_time_offsets: return "set its clocks: " + one_line(entry.text);
    case Kind::hide_memory: return "keep this process's memory from the processes it joins";
    case Kind::join_namespaces:
      return format("join the {} namespace{} of {}", joined(namespace_names(entry.a), ", "),
                    std::has_single_bit(entry.a) ? "" : "s", slot_words(program, entry.slot));
    case Kind::fork_process: return "go on as a new process, which is in those namespaces";
    case Kind::take_root: return "take the root that was joined";
    case Kind::change_root: return format("change to the root {}", slot_words(program, entry.slot));
    case Kind::set_propagation: return propagation_words(program, entry);
    case Kind::map_ids:
      return format("show the files of {} with the ids of the user namespace {}",
                    slot_words(program, entry.slot), id_source_words(program, entry.into));
    case Kind::reopen_directory: return format("open {} again, in this mount namespace", entry.path);
    case Kind::new_filesystem:
      return format("make a file system: {}{}", entry.text, options_words(program, entry));
    case Kind::clone_tree: return format("take the tree {}", entry.path);
    case Kind::set_attributes: return attributes_words(program, entry);
    case Kind::adopt: return format("hang up {} at {} for now", slot_words(program, entry.slot), entry.path);
    case Kind::attach_root: return format("make it the root, at {} for now", entry.path);
    case Kind::attach: return format("mount {} on {}", slot_words(program, entry.slot), entry.path);
    case Kind::make_directory: return format("make the directory {} if it is missing", entry.path);
    case Kind::open_directory: return format("open {}", entry.path);
    case Kind::make_node: return node_words(program, entry);
    case Kind::set_parameter: return format("write {} to /proc/{}", entry.text, entry.path);
    case Kind::make_symlink:
      return format("make the symlink {}/{} -> {}", slot_words(program, entry.slot), entry.path, entry.text);
    case Kind::mask: return format("hide {}", entry.path);
    case Kind::protect: return format("make {} read-only", entry.path);
    case Kind::open_console:
      return "open a terminal in /dev/pts, show it as /dev/console, send its other side to the monitor";
    case Kind::set_terminal: return "make it the controlling terminal";
    case Kind::open_null: return "take /dev/null for standard input";
    case Kind::set_streams: return "put standard input, output and error in place";
    case Kind::pivot:
      return entry.a == 1 ? "move the root over / and change to it; the host's mounts stay below"
                          : "enter the root (pivot_root) and let go of the host's mounts";
    case Kind::set_hostname: return format("set the hostname to {}", entry.text);
    case Kind::set_domainname: return format("set the NIS domain name to {}", entry.text);
    case Kind::raise_loopback: return "bring the interface lo up";
    case Kind::join_keyring: return format("join a session keyring of its own, {}", entry.text);
    case Kind::set_rlimit:
      return format("limit {} to {}, at most {}", rlimit_name(entry.slot), limit_words(entry.a),
                    limit_words(entry.b));
    case Kind::set_umask: return format("set the umask to {:03o}", entry.a);
    case Kind::set_personality:
      return format("have the personality {} (uname, address space)", name_of(personalities, entry.a));
    case Kind::set_memory_policy: return "take memory by the policy " + memory_policy_words(entry);
    case Kind::set_groups: {
      std::string groups;
      for (const auto group : entry.groups) groups += format(" {}", group);
      return "set the additional groups:" + (groups.empty() ? " none" : groups);
    }
    case Kind::set_ids: return format("become uid {}, gid {}", entry.a, entry.b);
    case Kind::drop_bounding: return "bound capabilities to " + capability_words(entry.a);
    case Kind::set_capabilities: return "have capabilities " + capability_words(entry.effective);
    case Kind::load_filter: return format("filter system calls by {}", entry.text);
    case Kind::no_new_privileges: return "gain no privileges by executing";
    case Kind::set_label:
      return format("have the program confined: write {} to /proc/{}", entry.text, entry.path);
    case Kind::enter_directory: return format("enter the working directory {}", entry.path);
    case Kind::synchronise:
      switch (static_cast<Sync>(entry.a)) {
        case Sync::map: return map_words(program);
        case Sync::mounted: return "say that all is mounted and wait while the hooks run";
        default: return "say that all is ready and wait for the word to go on";
      }
    case Kind::find_program: return "look for the program";
    case Kind::await_start: return "wait at the gate for the word to start";
    case Kind::place_descriptor: return format("pass descriptor {} on", entry.a);
    case Kind::close_descriptors: return "close every descriptor but the standard three";
    case Kind::supervise:
      return "stay as the first process: go on as a child, pass signals on to it, reap what ends";
    case Kind::execute: return execute_words(entry);
  }
  return "do something unknown";
}

std::string print(const Program& program) {
  std::string text;
  for (const auto& input : program.inputs)
    if (!input.path.empty() && input.what != Input::What::stream && input.what != Input::What::passed_on)
      text += "   " + input_words(input) + "\n";
  text += format("   clone{}{}\n", program.namespaces ? " with new namespaces: " : "",
                 joined(namespace_names(program.namespaces), ", "));
  for (std::size_t i = 0; i < program.entries.size(); i++)
    text += format("{:3} {}\n", i, words(program, program.entries[i]));
  return text + settings_words(program.settings);
}

}  // namespace tare::plan
