#include "runtime/plan_cgroup.h"

#include "cgroup/creation.h"
#include "cgroup/devices.h"

namespace tare::runtime {

using What = plan::HostStep::What;

namespace {

/// What both drivers do to a cgroup that is there.
void add_limits(std::vector<plan::HostStep>& steps, const cgroup::Layout& layout, const std::string& path,
                const std::vector<cgroup::Write>& limits, std::span<const oci::DeviceRule> devices) {
  const auto directory = [&](const cgroup::Hierarchy& hierarchy) { return hierarchy.mount.value + path; };
  for (const auto& write : limits) {
    const std::string above = directory(layout.hierarchies[write.hierarchy]) + "/";
    steps.push_back({.what = What::write_cgroup,
                     .path = above + write.file,
                     .value = write.value,
                     .why = write.why,
                     .other_path = write.other_file.empty() ? "" : above + write.other_file,
                     .other_value = write.other_value,
                     .optional = !write.required});
  }
  if (!devices.empty() && layout.unified()) {
    std::string rules;
    for (const auto& rule : devices)
      rules.append(rules.empty() ? "" : ", ").append(rule.allow ? "" : "not ").append(cgroup::to_text(rule));
    steps.push_back(
        {.what = What::filter_devices, .path = directory(*layout.unified()), .value = std::move(rules)});
  }
  if (const cgroup::Hierarchy* unified = layout.unified(); unified && unified->writable)
    steps.push_back({.what = What::join_at_birth, .path = directory(*unified)});
}

}  // namespace

std::vector<plan::HostStep> cgroup_steps(const cgroup::Layout& layout, const std::string& path,
                                         const std::vector<std::string>& needed,
                                         const std::vector<cgroup::Write>& limits,
                                         std::span<const oci::DeviceRule> devices) {
  std::vector<plan::HostStep> steps;
  for (auto& step : cgroup::plan_creation(layout, path, needed))
    steps.push_back({.what = step.value.empty() ? What::make_cgroup : What::write_cgroup,
                     .path = std::move(step.path),
                     .value = std::move(step.value),
                     .why = std::string(step.why)});
  add_limits(steps, layout, path, limits, devices);
  return steps;
}

std::vector<plan::HostStep> unit_steps(const cgroup::Layout& layout, const cgroup::Unit& unit,
                                       std::span<const cgroup::Property> properties,
                                       const std::vector<cgroup::Write>& limits,
                                       std::span<const oci::DeviceRule> devices) {
  std::string told;
  for (const auto& property : properties)
    told.append(told.empty() ? "" : ", ").append(cgroup::to_text(property));
  std::vector<plan::HostStep> steps{{.what = What::start_unit,
                                     .path = layout.unified()->mount.value + unit.cgroup,
                                     .value = unit.name,
                                     .why = std::move(told)}};
  add_limits(steps, layout, unit.cgroup, limits, devices);
  return steps;
}

}  // namespace tare::runtime
