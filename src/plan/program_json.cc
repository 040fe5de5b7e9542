// The list as JSON: a row for each operation, naming what it is given.
#include <algorithm>
#include <bit>
#include <linux/ioprio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "plan/document.h"
#include "plan/names.h"
#include "plan/print.h"

namespace tare::plan {
namespace {

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::value limit_value(std::uint64_t value) {
  return value == RLIM_INFINITY ? json::value("unlimited") : json::value(value);
}

// What init opens itself for a stream is /dev/null or the terminal.
std::string stream_words(const Program& program, std::int32_t slot) {
  for (const auto& entry : program.entries)
    if (entry.into == slot && entry.kind == Kind::open_null) return "/dev/null";
  return slot_words(program, slot);
}

using Details = void (*)(json::object& to, const Program& program, const Entry& entry);

void nothing(json::object&, const Program&, const Entry&) {}
void put_path(json::object& to, const Program&, const Entry& entry) { to["path"] = entry.path; }
void put_value(json::object& to, const Program&, const Entry& entry) { to["value"] = entry.text; }
void put_source(json::object& to, const Program& program, const Entry& entry) {
  to["source"] = slot_words(program, entry.slot);
}
std::string path_in(const Program& program, const Entry& entry, const std::string& name) {
  return slot_words(program, entry.slot) + "/" + name;
}
void put_source_and_path(json::object& to, const Program& program, const Entry& entry) {
  put_source(to, program, entry);
  put_path(to, program, entry);
}
void put_path_and_value(json::object& to, const Program& program, const Entry& entry) {
  put_path(to, program, entry);
  put_value(to, program, entry);
}
void put_namespaces(json::object& to, const Program&, const Entry& entry) {
  to["namespaces"] = array_of(namespace_names(entry.a));
}

void put_filesystem(json::object& to, const Program& program, const Entry& entry) {
  to["type"] = entry.text;
  to["attributes"] = array_of(mount_attribute_names(entry.a));
  json::array options;
  for (const auto& option : entry.list) options.emplace_back(option_words(program, option));
  to["options"] = std::move(options);
}

void put_attributes(json::object& to, const Program& program, const Entry& entry) {
  put_source(to, program, entry);
  to["set"] = array_of(mount_attribute_names(entry.a));
  to["clear"] = array_of(mount_attribute_names(entry.b & ~entry.a));
  to["recursive"] = (entry.flags & recursive) != 0;
}

void put_node(json::object& to, const Program& program, const Entry& entry) {
  const dev_t device = static_cast<std::uint32_t>(entry.b);
  to["path"] = path_in(program, entry, entry.text);
  to["type"] = S_ISFIFO(entry.a) ? "p" : S_ISBLK(entry.a) ? "b" : "c";
  to["major"] = major(device);
  to["minor"] = minor(device);
  to["mode"] = entry.a & 07777;
  to["uid"] = entry.a >> 32;
  to["gid"] = entry.b >> 32;
}

void put_capabilities(json::object& to, const Program&, const Entry& entry) {
  to["permitted"] = array_of(capability_names(entry.a));
  to["effective"] = array_of(capability_names(entry.effective));
  to["inheritable"] = array_of(capability_names(entry.b));
  to["ambient"] = array_of(capability_names(entry.ambient));
}

struct Row {
  Kind kind;
  std::string_view name;
  Details details = nothing;
};

constexpr Row rows[] = {
    {Kind::set_name, "set_name", put_value},
    {Kind::die_with_parent, "die_with_parent",
     [](json::object& to, const Program&, const Entry& entry) { to["signal"] = entry.a; }},
    {Kind::reset_signals, "reset_signals",
     [](json::object& to, const Program&, const Entry& entry) {
       json::array signals;
       for (int signal = 1; signal <= 64; signal++)
         if (entry.a & std::uint64_t{1} << (signal - 1)) signals.emplace_back(signal);
       to["signals"] = std::move(signals);
     }},
    {Kind::start_session, "start_session"},
    {Kind::join_cgroup, "join_cgroup",
     [](json::object& to, const Program& program, const Entry& entry) {
       to["path"] = slot_words(program, entry.slot);
       to["value"] = "0";
     }},
    {Kind::unshare, "unshare", put_namespaces},
    {Kind::set_time_offsets, "set_time_offsets", put_value},
    {Kind::hide_memory, "hide_memory"},
    {Kind::join_namespaces, "join_namespaces",
     [](json::object& to, const Program& program, const Entry& entry) {
       put_source(to, program, entry);
       put_namespaces(to, program, entry);
     }},
    {Kind::fork_process, "fork_process",
     [](json::object& to, const Program& program, const Entry& entry) {
       if (entry.slot != no_slot) to["cgroup"] = slot_words(program, entry.slot);
     }},
    {Kind::take_root, "take_root"},
    {Kind::change_root, "change_root", put_source},
    {Kind::set_propagation, "set_propagation",
     [](json::object& to, const Program& program, const Entry& entry) {
       if (entry.slot == no_slot)
         put_path(to, program, entry);
       else
         put_source(to, program, entry);
       to["propagation"] = propagation_name(entry.a);
       to["recursive"] = (entry.a & MS_REC) != 0;
     }},
    {Kind::reopen_directory, "reopen_directory", put_path},
    {Kind::new_filesystem, "new_filesystem", put_filesystem},
    {Kind::clone_tree, "clone_tree",
     [](json::object& to, const Program& program, const Entry& entry) {
       put_path(to, program, entry);
       to["recursive"] = entry.a != 0;
     }},
    {Kind::map_ids, "map_ids", put_source},
    {Kind::set_attributes, "set_attributes", put_attributes},
    {Kind::adopt, "adopt", put_source_and_path},
    {Kind::attach_root, "attach_root", put_source_and_path},
    {Kind::attach, "attach",
     [](json::object& to, const Program& program, const Entry& entry) {
       put_source_and_path(to, program, entry);
       to["make_missing"] = (entry.flags & (create_target | create_directory)) != 0;
     }},
    {Kind::make_directory, "make_directory",
     [](json::object& to, const Program& program, const Entry& entry) {
       put_path(to, program, entry);
       to["mode"] = entry.a;
     }},
    {Kind::open_directory, "open_directory", put_path},
    {Kind::make_node, "make_node", put_node},
    {Kind::make_symlink, "make_symlink",
     [](json::object& to, const Program& program, const Entry& entry) {
       to["path"] = path_in(program, entry, entry.path);
       to["target"] = entry.text;
     }},
    {Kind::set_parameter, "set_parameter", put_path_and_value},
    {Kind::mask, "mask",
     [](json::object& to, const Program& program, const Entry& entry) {
       put_path(to, program, entry);
       to["directory_by"] = slot_words(program, entry.slot);
       to["file_by"] = slot_words(program, entry.into);
     }},
    {Kind::protect, "protect", put_path},
    {Kind::open_console, "open_console",
     [](json::object& to, const Program& program, const Entry& entry) {
       to["rows"] = entry.a >> 16;
       to["columns"] = entry.a & 0xffff;
       to["owner"] = entry.b;
       if (!entry.text.empty()) to["shown_at"] = path_in(program, entry, entry.text);
     }},
    {Kind::set_terminal, "set_terminal"},
    {Kind::open_null, "open_null"},
    {Kind::set_streams, "set_streams",
     [](json::object& to, const Program& program, const Entry& entry) {
       json::array streams;
       for (int stream = 0; stream < 3; stream++)
         streams.emplace_back(stream_words(program, static_cast<std::int16_t>(entry.a >> (16 * stream))));
       to["streams"] = std::move(streams);
       to["owner"] = entry.b;
     }},
    {Kind::pivot, "pivot",
     [](json::object& to, const Program&, const Entry& entry) {
       to["by"] = entry.a == 1 ? "move" : "pivot_root";
     }},
    {Kind::set_hostname, "set_hostname", put_value},
    {Kind::set_domainname, "set_domainname", put_value},
    {Kind::raise_loopback, "raise_loopback"},
    {Kind::join_keyring, "join_keyring", put_value},
    {Kind::set_rlimit, "set_rlimit",
     [](json::object& to, const Program&, const Entry& entry) {
       to["limit"] = rlimit_name(entry.slot);
       to["soft"] = limit_value(entry.a);
       to["hard"] = limit_value(entry.b);
     }},
    {Kind::set_umask, "set_umask",
     [](json::object& to, const Program&, const Entry& entry) { to["mask"] = entry.a; }},
    {Kind::set_personality, "set_personality",
     [](json::object& to, const Program&, const Entry& entry) {
       to["personality"] = name_of(personalities, entry.a);
     }},
    {Kind::set_memory_policy, "set_memory_policy",
     [](json::object& to, const Program&, const Entry& entry) {
       to["policy"] = entry.a;
       to["nodes"] = entry.text;
     }},
    {Kind::set_groups, "set_groups",
     [](json::object& to, const Program&, const Entry& entry) {
       to["groups"] = json::array(entry.groups.begin(), entry.groups.end());
     }},
    {Kind::set_ids, "set_ids",
     [](json::object& to, const Program&, const Entry& entry) {
       to["uid"] = entry.a;
       to["gid"] = entry.b;
     }},
    {Kind::drop_bounding, "drop_bounding",
     [](json::object& to, const Program&, const Entry& entry) {
       to["bounding"] = array_of(capability_names(entry.a));
     }},
    {Kind::set_capabilities, "set_capabilities", put_capabilities},
    {Kind::load_filter, "load_filter",
     [](json::object& to, const Program&, const Entry& entry) {
       to["filter"] = entry.text;
       to["flags"] = entry.b;
       to["instructions"] = entry.filter.size();
     }},
    {Kind::no_new_privileges, "no_new_privileges"},
    {Kind::set_label, "set_label", put_path_and_value},
    {Kind::enter_directory, "enter_directory", put_path},
    {Kind::synchronise, "synchronise",
     [](json::object& to, const Program&, const Entry& entry) {
       constexpr std::string_view points[] = {"", "ready", "waiting", "map", "mounted"};
       to["point"] = points[entry.a];
     }},
    {Kind::find_program, "find_program",
     [](json::object& to, const Program&, const Entry& entry) { to["candidates"] = array_of(entry.list); }},
    {Kind::await_start, "await_start"},
    {Kind::place_descriptor, "place_descriptor",
     [](json::object& to, const Program&, const Entry& entry) { to["descriptor"] = entry.a; }},
    {Kind::close_descriptors, "close_descriptors"},
    {Kind::supervise, "supervise"},
    {Kind::execute, "execute",
     [](json::object& to, const Program&, const Entry& entry) {
       to["candidates"] = array_of(entry.list);
       to["arguments"] = array_of(entry.arguments);
       to["environment"] = array_of(entry.environment);
     }},
};
static_assert(std::size(rows) == static_cast<std::size_t>(Kind::execute) + 1);
static_assert(std::ranges::is_sorted(rows, {}, &Row::kind), "a row's index is its kind");

json::object to_json(const Program& program, const Entry& entry) {
  const Row& row = rows[static_cast<std::size_t>(entry.kind)];
  json::object object{{"operation", row.name}};
  row.details(object, program, entry);
  object["words"] = words(program, entry);
  return object;
}

std::string_view name_of(Input::What what) {
  switch (what) {
    case Input::What::bind: return "bind";
    case Input::What::cgroup_join: return "cgroup_join";
    case Input::What::further_join: return "further_join";
    case Input::What::directory: return "directory";
    case Input::What::stream: return "stream";
    case Input::What::name_space: return "namespace";
    case Input::What::process: return "process";
    case Input::What::cgroup: return "cgroup";
    case Input::What::gate: return "gate";
    case Input::What::list: return "list";
    case Input::What::user_namespace: return "user_namespace";
    case Input::What::copied_tmpfs: return "copied_tmpfs";
    case Input::What::passed_on: return "passed_on";
  }
  return "";
}

json::object to_json(const Input& input) {
  json::object object{{"what", name_of(input.what)}, {"path", input.path}};
  if (input.owner) object["owner"] = *input.owner;
  if (const auto& source = input.id_source; source && source->path.empty())
    object["id_maps"] = {{"uid", source->maps.uid_map}, {"gid", source->maps.gid_map}};
  if (input.what == Input::What::copied_tmpfs) object["root"] = input.root;
  if (input.what != Input::What::bind) return object;
  object["recursive"] = input.recursive;
  object["mapped_ids"] = input.ids != Input::Ids::kept;
  object["mapping_may_fail"] = input.ids == Input::Ids::mapped_if_possible;
  if (!input.mount_namespace.empty()) object["mount_namespace"] = input.mount_namespace;
  return object;
}

void put_settings(json::object& to, const Settings& settings) {
  if (settings.oom_score_adj) to["oom_score_adj"] = *settings.oom_score_adj;
  if (const auto& scheduler = settings.scheduler)
    to["scheduler"] = {{"policy", name_of(scheduler_policies, scheduler->policy)},
                       {"flags", array_of(names_of_bits(scheduler_flags, scheduler->flags))},
                       {"nice", scheduler->nice},
                       {"priority", scheduler->priority},
                       {"runtime", scheduler->runtime},
                       {"deadline", scheduler->deadline},
                       {"period", scheduler->period}};
  if (settings.io_priority)
    to["io_priority"] = {{"class", name_of(io_classes, IOPRIO_PRIO_CLASS(*settings.io_priority))},
                         {"priority", IOPRIO_PRIO_DATA(*settings.io_priority)}};
  if (!settings.processors.empty()) to["processors"] = settings.processors;
}

}  // namespace

json::object to_json(const Program& program) {
  json::array opened, operations;
  for (const auto& input : program.inputs) opened.push_back(to_json(input));
  for (const auto& entry : program.entries) operations.push_back(to_json(program, entry));
  json::object object{{"open", std::move(opened)},
                      {"namespaces", array_of(namespace_names(program.namespaces))}};
  if (program.user_namespace)
    object["id_maps"] = {{"uid", program.user_namespace->uid_map}, {"gid", program.user_namespace->gid_map}};
  put_settings(object, program.settings);
  object["init"] = std::move(operations);
  return object;
}

}  // namespace tare::plan
