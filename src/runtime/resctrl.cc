#include "runtime/resctrl.h"

#include <algorithm>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

// "    L3:0=ff;1=ff", as the kernel writes it, and "L3:0=ff;1=ff" say the same.
std::string without_spaces(std::string_view line) {
  std::string text(line);
  std::erase(text, ' ');
  return text;
}

void write_schemata(const HostPath& group, const std::vector<std::string>& schemata) {
  std::string lines;
  for (const auto& line : schemata) lines += line + "\n";
  if (lines.empty()) return;
  try {
    sys::write_to(sys::here, (group / "schemata").value, lines);
  } catch (const Error& error) {
    throw Error(error.kind(), "/linux/intelRdt: " + error.text(), error.error_number(),
                "info/last_cmd_status in the resctrl file system says what it did not like");
  }
}

}  // namespace

HostPath find_resctrl() {
  const std::string mounts = sys::read_file(sys::here, "/proc/self/mountinfo");
  for (std::string_view rest = mounts; !rest.empty();) {
    std::string_view line = cgroup::next_word(rest, '\n');
    if (line.find(" - resctrl ") == line.npos) continue;
    for (int field = 1; field < 5; field++) cgroup::next_word(line, ' ');
    return HostPath(cgroup::next_word(line, ' '));
  }
  throw Error(ErrorKind::unsupported, "/linux/intelRdt: Intel RDT is not available here", 0,
              "it takes a processor that has it and `mount -t resctrl resctrl /sys/fs/resctrl`");
}

ResctrlGroup::ResctrlGroup(const HostPath& top, const oci::IntelRdt& wanted, const std::string& id)
    : schemata_(wanted.schemata),
      is_own_(wanted.group.empty()),
      group_(top / (is_own_ ? id : wanted.group)),
      monitor_(wanted.is_monitored ? group_ / "mon_groups" / id : HostPath()) {}

bool ResctrlGroup::make() const {
  const bool is_there = sys::exists(sys::here, group_.value);
  if (!is_own_ && schemata_.empty() && !is_there)
    throw Error(ErrorKind::invalid, format("/linux/intelRdt/closID: there is no group {}", group_.value), 0,
                "give it schemata, and it is made");
  if (is_own_ && is_there)
    throw Error(ErrorKind::conflict, format("/linux/intelRdt: the group {} is another's", group_.value));
  const bool is_new = !is_there && sys::try_make_directory(sys::here, group_.value);
  try {
    if (is_new)
      write_schemata(group_, schemata_);
    else
      check_schemata();
    if (!monitor_.empty()) sys::make_directory(sys::here, monitor_.value);
  } catch (...) {
    if (is_new) ::rmdir(group_.c_str());
    throw;
  }
  return is_new;
}

void ResctrlGroup::check_schemata() const {
  const std::string text = sys::read_file(sys::here, (group_ / "schemata").value);
  std::vector<std::string> present;
  for (std::string_view rest = text; !rest.empty();)
    present.push_back(without_spaces(cgroup::next_word(rest, '\n')));
  for (const auto& line : schemata_)
    if (std::ranges::find(present, without_spaces(line)) == present.end())
      throw Error(ErrorKind::conflict,
                  format("/linux/intelRdt: the group {} is there, and not with \"{}\"", group_.value, line),
                  0, "leave the schemata out to take it as it is");
}

void ResctrlGroup::add(pid_t pid) const {
  for (const HostPath& directory : {group_, monitor_})
    if (!directory.empty()) sys::write_to(sys::here, (directory / "tasks").value, format("{}", pid));
}

void ResctrlGroup::change(const std::vector<std::string>& schemata) const {
  write_schemata(group_, schemata);
}

void ResctrlGroup::remove(Named named) const noexcept {
  if (!monitor_.empty()) ::rmdir(monitor_.c_str());
  if (is_own_ || named == Named::goes) ::rmdir(group_.c_str());
}

std::vector<plan::HostStep> ResctrlGroup::steps() const {
  using What = plan::HostStep::What;
  std::vector<plan::HostStep> steps = {{.what = What::make_directory, .path = group_.value}};
  std::string lines;
  for (const auto& line : schemata_) lines += line + "\n";
  if (!lines.empty())
    steps.push_back({.what = What::write_file, .path = (group_ / "schemata").value, .value = lines});
  if (!monitor_.empty()) steps.push_back({.what = What::make_directory, .path = monitor_.value});
  return steps;
}

ResctrlGroups::ResctrlGroups(const oci::RuntimeConfig& config, const std::string& id) {
  if (!config.intel_rdt) return;
  ResctrlGroup group(find_resctrl(), *config.intel_rdt, id);
  is_new_ = group.make();
  group_ = std::move(group);
}

ResctrlGroups::~ResctrlGroups() {
  if (group_) group_->remove(is_new_ ? ResctrlGroup::Named::goes : ResctrlGroup::Named::stays);
}

void ResctrlGroups::join(pid_t pid) const {
  if (group_) group_->add(pid);
}

void join_resctrl_group(const oci::RuntimeConfig& config, const std::string& id, pid_t pid) {
  if (config.intel_rdt) ResctrlGroup(find_resctrl(), *config.intel_rdt, id).add(pid);
}

void remove_resctrl_group(const oci::RuntimeConfig& config, const std::string& id) noexcept {
  if (!config.intel_rdt) return;
  try {
    ResctrlGroup(find_resctrl(), *config.intel_rdt, id).remove();
  } catch (const Error&) {
    // It is mounted nowhere: then there is no group either.
  }
}

std::vector<plan::HostStep> resctrl_steps(const oci::RuntimeConfig& config, const std::string& id) {
  if (!config.intel_rdt) return {};
  return ResctrlGroup(find_resctrl(), *config.intel_rdt, id).steps();
}

}  // namespace tare::runtime
