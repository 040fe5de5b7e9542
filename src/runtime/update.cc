#include "runtime/update.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/limits.h"
#include "cgroup/systemd.h"
#include "cgroup/usage.h"
#include "runtime/config_fields.h"
#include "runtime/config_json.h"
#include "runtime/resctrl.h"
#include "runtime/state_dir.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

/// A field of a part of the resources: "cpu", "quota".
struct Name {
  std::string_view part, field;
};

// Fields of one file, or of which one bounds the other.
constexpr Name partners[][3] = {{{"memory", "limit"}, {"memory", "swap"}, {}},
                                {{"cpu", "quota"}, {"cpu", "period"}, {"cpu", "burst"}},
                                {{"cpu", "shares"}, {"cpu", "idle"}, {}},
                                {{"cpu", "realtimeRuntime"}, {"cpu", "realtimePeriod"}, {}}};

// 0 and false say something here; elsewhere that is how callers in Go write "not set".
constexpr Name may_be_zero[] = {
    {"pids", "limit"}, {"cpu", "burst"}, {"cpu", "idle"}, {"memory", "checkBeforeUpdate"}};

const json::value* find(const json::object& resources, const Name& name) {
  const json::value* part = resources.if_contains(name.part);
  const json::object* fields = part ? part->if_object() : nullptr;
  return fields ? fields->if_contains(name.field) : nullptr;
}

void set(json::object& resources, const Name& name, json::value value) {
  json::value& part = resources[name.part];
  if (!part.is_object()) part.emplace_object();
  part.get_object()[name.field] = std::move(value);
}

bool says_something(const json::Node& node, std::string_view part, std::string_view field) {
  return !node.is_empty() || std::ranges::any_of(may_be_zero, [&](const Name& name) {
    return name.part == part && name.field == field;
  });
}

json::object said_fields(const json::object& fields, std::string_view part, const json::Node& above) {
  json::object said;
  for (const auto& field : fields)
    if (!field.value().is_null() &&
        says_something(json::Node(field.value(), field.key(), above), part, field.key()))
      said[field.key()] = field.value();
  return said;
}

// No later limit may make the kernel end what runs now, if that was asked for.
void check_usage(const oci::Resources& resources, const cgroup::Layout& layout, const std::string& path) {
  if (!resources.check_before_update || resources.memory_limit.value_or(-1) < 0) return;
  const auto used = cgroup::read_memory(layout, path);
  if (used && *resources.memory_limit <= *used)
    throw Error(ErrorKind::conflict,
                format("rejecting memory limit {} <= usage {}", *resources.memory_limit, *used));
}

/// Writes all, or puts back what there was.
void apply(const cgroup::Layout& layout, const std::string& path, const std::vector<cgroup::Write>& writes) {
  std::vector<std::pair<std::string, std::string>> before;
  for (const auto& write : writes)
    for (const auto& name : {write.file, write.other_file}) {
      const std::string file = layout.hierarchies.at(write.hierarchy).mount.value + path + "/" + name;
      if (auto text = name.empty() ? std::nullopt : sys::try_read_file(sys::here, file))
        before.emplace_back(file, std::move(*text));
    }
  try {
    cgroup::Cgroup::open(layout, path).apply(writes);
  } catch (const Error&) {
    // The first of what a file said is what it said before, and the order is now the other way round.
    for (auto one = before.rbegin(); one != before.rend(); ++one)
      sys::try_write_to(sys::here, one->first, one->second);
    throw;
  }
}

}  // namespace

json::object said_resources(const json::object& resources) {
  const json::value whole(resources);
  const json::Node node(whole);
  json::object said;
  for (const auto& part : resources) {
    if (part.key() == "devices" || part.value().is_null()) continue;
    if (!part.value().is_object()) {
      if (!json::Node(part.value(), part.key(), node).is_empty()) said[part.key()] = part.value();
      continue;
    }
    json::object fields =
        said_fields(part.value().get_object(), part.key(), json::Node(part.value(), part.key(), node));
    if (!fields.empty()) said[part.key()] = std::move(fields);
  }
  // Memory without limit cannot be more than memory plus swap.
  constexpr Name limit{"memory", "limit"}, swap{"memory", "swap"};
  const json::value* none = find(said, limit);
  if (none && *none == json::value(-1) && !find(said, swap)) set(said, swap, -1);
  return said;
}

json::object merged_resources(json::object known, const json::object& changes) {
  for (const auto& part : changes) {
    json::value& into = known[part.key()];
    if (!part.value().is_object() || !into.is_object())
      into = part.value();
    else
      for (const auto& field : part.value().get_object()) into.get_object()[field.key()] = field.value();
  }
  return known;
}

json::object with_partners(json::object changes, const json::object& merged) {
  for (const auto& group : partners)
    if (std::ranges::any_of(group, [&](const Name& name) { return find(changes, name) != nullptr; }))
      for (const Name& name : group)
        if (const json::value* value = find(merged, name)) set(changes, name, *value);
  constexpr Name check{"memory", "checkBeforeUpdate"};
  if (const json::value* value = find(merged, check)) set(changes, check, *value);
  return changes;
}

namespace {

void update_resctrl(const StateDirectory& directory, const std::string& id,
                    const std::vector<std::string>& schemata) {
  if (schemata.empty()) return;
  const HostPath top = find_resctrl();
  const oci::RuntimeConfig config = parse_config(directory.try_read_config().value_or(""));
  if (!config.intel_rdt)
    throw Error(ErrorKind::conflict, "the container has no group of resctrl (linux.intelRdt)");
  ResctrlGroup(top, *config.intel_rdt, id).change(schemata);
}

}  // namespace

void update(const HostPath& root, const std::string& id, const json::object& changes,
            const std::vector<std::string>& schemata) {
  StateDirectory directory = StateDirectory::open(root, id);
  directory.lock();
  auto state = directory.try_read();
  const Status status = directory.status(state);
  if (!state || status == Status::stopped || status == Status::creating)
    throw Error(ErrorKind::conflict, "container not running");
  const json::object said = said_resources(changes);
  (void)read_resources(json::Node(json::value(said)));  // an error names what the caller wrote
  const json::value config = json::parse(directory.try_read_config().value_or("{}"));
  const json::value& made_with = json::part(json::part(config, "linux"), "resources");
  const json::object known =
      merged_resources(made_with.is_object() ? said_resources(made_with.get_object()) : json::object(),
                       state->updated_resources);
  const json::value wanted(with_partners(said, merged_resources(known, said)));
  const oci::Resources resources = read_resources(json::Node(wanted));

  const cgroup::Layout layout = cgroup::read_layout_for(state->cgroup);
  check_usage(resources, layout, state->cgroup);
  const auto writes = cgroup::plan_limits(layout, resources, cgroup::read_facts(layout, state->cgroup));
  update_resctrl(directory, id, schemata);
  cgroup::Cgroup::enable(layout, state->cgroup, cgroup::needed_controllers(resources));
  // First to systemd, which would write its own numbers over ours.
  if (const auto unit = directory.try_read_unit())
    cgroup::update_unit(cgroup::address_of(cgroup::own_manager()), *unit, writes);
  apply(layout, state->cgroup, writes);
  state->updated_resources = merged_resources(std::move(state->updated_resources), said);
  directory.write(*state);
}

}  // namespace tare::runtime
