#include "cgroup/scope.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::cgroup {
namespace {

constexpr auto process_limit = "/pids.max";

std::string unified_path_of(pid_t pid) {
  const std::string text = sys::read_file(sys::here, format("/proc/{}/cgroup", pid));
  for (std::string_view rest = text; !rest.empty();)
    if (const auto line = next_word(rest, '\n'); line.starts_with("0::")) return std::string(line.substr(3));
  return {};
}

void move_to_scope(const std::string& name, std::vector<Property> properties) {
  properties.push_back(text("CollectMode", "inactive-or-failed"));
  properties.push_back({.name = "PIDs", .value = {.type = "au", .elements = {std::uint64_t(::getpid())}}});
  Systemd::connect(address_of(own_manager())).start(name, properties);
}

// What was planned names its path.
void check_place(const Unit& unit, pid_t process) {
  if (const std::string path = unified_path_of(process); path != unit.cgroup)
    throw Error(ErrorKind::unsupported,
                format("systemd put {} into the cgroup {}, not {}", unit.name, path, unit.cgroup));
}

bool is_in_use(const std::string& directory) {
  const auto events = sys::try_read_file(sys::here, directory + "/cgroup.events");
  return events && number_of(*events, "populated").value_or(0) != 0;
}

}  // namespace

void check_is_unified(const Layout& layout) {
  if (layout.mode() == Mode::v2) return;
  throw Error(ErrorKind::unsupported,
              "cgroups can be made by systemd only where all controllers are in cgroup v2", 0,
              "boot with systemd.unified_cgroup_hierarchy=1, or leave out --systemd-cgroup");
}

std::vector<Property> unit_properties(const Unit& unit, std::string_view container,
                                      std::span<const Write> limits,
                                      std::span<const std::pair<std::string, std::string>> annotations) {
  std::vector<Property> properties{
      text("Description", format("container {}", container)),
      // It is stopped by its engine, not by the shutdown's first step.
      flag("DefaultDependencies", false),
      flag("MemoryAccounting", true),
      flag("CPUAccounting", true),
      flag("IOAccounting", true),
      flag("TasksAccounting", true),
      // One that failed (out of memory, say) would else keep its name until somebody resets it.
      text("CollectMode", "inactive-or-failed"),
  };
  if (!unit.is_slice()) {
    properties.push_back(text("Slice", unit.slice));
    // The cgroups below are the container's, and all controllers are there.
    properties.push_back(flag("Delegate", true));
  }
  std::ranges::move(limit_properties(limits), std::back_inserter(properties));
  for (auto& property : annotation_properties(annotations)) {
    std::erase_if(properties, [&](const Property& other) { return other.name == property.name; });
    properties.push_back(std::move(property));
  }
  return properties;
}

Scope::Scope(Systemd systemd, const Layout& layout, Unit unit)
    : systemd_(std::move(systemd)),
      layout_(&layout),
      unit_(std::move(unit)),
      directory_(layout.unified()->mount.value + unit_.cgroup) {}

Scope::Scope(Scope&& other) noexcept
    : systemd_(std::move(other.systemd_)),
      layout_(other.layout_),
      unit_(std::move(other.unit_)),
      directory_(std::move(other.directory_)),
      placeholder_(std::exchange(other.placeholder_, 0)),
      process_limit_(std::move(other.process_limit_)),
      started_(std::exchange(other.started_, false)) {}

Scope Scope::start(Systemd systemd, const Layout& layout, Unit unit, std::vector<Property> properties) {
  check_is_unified(layout);
  Scope scope(std::move(systemd), layout, std::move(unit));
  if (is_in_use(scope.directory_))
    throw Error(ErrorKind::conflict,
                format("the cgroup {} exists already, and processes are in it", scope.directory_));
  if (!scope.unit_.is_slice()) {
    scope.hold_place();
    properties.push_back(
        {.name = "PIDs", .value = {.type = "au", .elements = {std::uint64_t(scope.placeholder_)}}});
  }
  scope.systemd_.start(scope.unit_.name, properties);
  scope.started_ = true;
  if (scope.placeholder_ == 0) return scope;
  check_place(scope.unit_, scope.placeholder_);
  return scope;
}

void Scope::hold_place() {
  const pid_t parent = ::getpid();
  placeholder_ = ::fork();
  if (placeholder_ < 0) throw system_error("cannot make a process");
  if (placeholder_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Systemd asks a scope's processes to end when it is stopped; what the caller does with signals is not
  // ours.
  sigset_t none;
  ::sigemptyset(&none);
  ::signal(SIGTERM, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  while (::getppid() == parent) ::pause();
  ::_exit(0);
}

void Scope::leave_place() noexcept {
  if (placeholder_ == 0) return;
  ::kill(placeholder_, SIGKILL);
  ::waitpid(std::exchange(placeholder_, 0), nullptr, 0);
}

void Scope::make_room() {
  const std::string limit(trimmed(sys::try_read_file(sys::here, directory_ + process_limit).value_or("max")));
  const auto number = to_number(limit);
  if (placeholder_ == 0 || !number) return;
  sys::write_to(sys::here, directory_ + process_limit, std::to_string(*number + 1));
  process_limit_ = limit;
}

void Scope::occupied() {
  leave_place();
  if (!process_limit_.empty())
    sys::write_to(sys::here, directory_ + process_limit, std::exchange(process_limit_, {}));
}

Scope::~Scope() {
  leave_place();
  try {
    if (started_) remove_unit(*layout_, unit_.name, unit_.cgroup);
  } catch (const std::exception&) {
    // The error that undoes this is the one to tell.
  }
}

void remove_unit(const Layout& layout, const std::string& name, const std::string& cgroup, UnitStart start) {
  using std::chrono::milliseconds;
  const Hierarchy* unified = layout.unified();
  if (!unified) return;
  const std::string directory = unified->mount.value + cgroup;
  // Systemd removes the cgroup. If we did, the kernel's word that it is empty, which comes a little later,
  // could be lost with it, and the scope would be there for ever.
  const auto give_up = std::chrono::steady_clock::now() + milliseconds(2000);
  const bool goes_by_itself = !name.ends_with(".slice") && start == UnitStart::done;
  for (milliseconds pause(1); goes_by_itself; pause = std::min(pause * 2, milliseconds(20))) {
    if (!sys::exists(sys::here, directory)) return;
    Cgroup::kill(layout, cgroup);
    if (std::chrono::steady_clock::now() >= give_up) break;
    const timespec time{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(pause).count()};
    ::nanosleep(&time, nullptr);
  }
  Cgroup::kill(layout, cgroup);
  Systemd::connect(address_of(own_manager())).stop(name);
  Cgroup::remove(layout, cgroup);
}

void come_within_reach(const Layout& layout) {
  const Hierarchy* unified = layout.unified();
  if (!unified || (unified->own_path + "/").starts_with(unified->delegated + "/")) return;
  move_to_scope(format("tare-{}.scope", ::getpid()), {text("Description", "tare")});
}

void enter_scope(const Layout& layout, const Unit& unit, std::string_view container) {
  move_to_scope(unit.name, {text("Description", format("container {}", container)), text("Slice", unit.slice),
                            flag("Delegate", true)});
  check_place(unit, ::getpid());
  const std::string own = layout.unified()->mount.value + unit.cgroup + "/monitor";
  sys::make_directory(sys::here, own);
  sys::write_to(sys::here, own + "/cgroup.procs", "0");
}

}  // namespace tare::cgroup
