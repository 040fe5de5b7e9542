#include "cgroup/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/creation.h"
#include "cgroup/freezer.h"
#include "cgroup/text.h"
#include "cgroup/tree.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

void check_path(const std::string& path) {
  bool good = path.size() > 1 && path.front() == '/';
  for (std::string_view rest = std::string_view(path).substr(good); good && !rest.empty();) {
    const auto name = next_word(rest, '/');
    good = !name.empty() && name != "." && name != ".." && name.find('\n') == name.npos;
  }
  if (!good || path.back() == '/')
    throw Error(ErrorKind::invalid, format("\"{}\" is not the path of a cgroup", path), 0,
                "it starts with / and has no . or .. in it");
}

/// What the nearest cgroup above has, written down to `path` where that has nothing.
std::string inherit_cpuset(const HostPath& mount, const std::string& path, const char* file) {
  const std::string name = mount.value + path + file;
  const auto text = sys::try_read_at_once(sys::here, name);
  if (!text) throw system_error(format("cannot read {}", name));
  std::string own(trimmed(*text));
  if (!own.empty() || path.empty()) return own;
  const std::string above = inherit_cpuset(mount, parent_of(path), file);
  sys::write_to(sys::here, name, above);
  return above;
}

/// A new cpuset of v1 has neither CPUs nor memory nodes, and nothing can run in it.
void fill_cpuset(const HostPath& mount, const std::string& path) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"})
    sys::write_to(sys::here, mount.value + path + file, inherit_cpuset(mount, parent_of(path), file));
}

Error cannot_enable(std::string_view controller, const std::string& directory, int number) {
  std::string hint;
  if (number == EBUSY)
    hint = "processes are in this cgroup itself, and v2 wants them in cgroups below it; move them to one";
  if (number == ENOENT || number == EINVAL) hint = "the cgroup above does not have it";
  if (number == EOPNOTSUPP || number == ENOTSUP) hint = "this cgroup is threaded; choose another parent";
  return Error(ErrorKind::unsupported,
               format("cannot switch on the {} controller below the cgroup {}", controller, directory),
               number, std::move(hint));
}

void enable_controllers(const std::string& directory, const std::vector<std::string>& needed) {
  const std::string control = directory + "/cgroup.subtree_control";
  const std::string on_text = sys::read_file(sys::here, control),
                    available_text = sys::read_file(sys::here, directory + "/cgroup.controllers");
  const auto wanted = controllers_to_enable(trimmed(on_text), trimmed(available_text), needed);
  if (wanted.empty() || sys::try_write_to(sys::here, control, enabling_text(wanted))) return;
  // One that cannot be had must not keep the others off.
  for (const auto& controller : wanted)
    if (!sys::try_write_to(sys::here, control, "+" + controller) &&
        std::ranges::find(needed, controller) != needed.end())
      throw cannot_enable(controller, directory, errno);
}

/// Makes what is missing of the parents, and marks it.
void make_parents(const Hierarchy& hierarchy, const std::string& path) {
  const std::string parent = parent_of(path), full = hierarchy.mount.value + parent;
  if (parent.empty()) return;
  for (int attempt = 0;; ++attempt) {
    if (::mkdir(full.c_str(), 0755 | mark_of_made) == 0 || errno == EEXIST) return;
    if (errno != ENOENT || attempt == 10) throw system_error(format("cannot make the cgroup {}", full));
    make_parents(hierarchy, parent);
  }
}

/// On v2 a cgroup has the controllers that every cgroup above it has switched on for those below.
void enable_down_to(const Hierarchy& hierarchy, const std::string& parent,
                    const std::vector<std::string>& needed) {
  const auto wanted = controllers_for(hierarchy, needed);
  if (!wanted) return;
  const std::size_t ours = hierarchy.delegated.size();
  if (parent.size() < ours) return;
  enable_controllers(hierarchy.mount.value + hierarchy.delegated, *wanted);
  for (std::size_t end = ours; end < parent.size();) {
    end = parent.find('/', end + 1);
    enable_controllers(hierarchy.mount.value + parent.substr(0, end), *wanted);
  }
}

void make_cgroup(const Hierarchy& hierarchy, const std::string& path, const std::vector<std::string>& needed,
                 Cgroup::Existing existing) {
  const std::string full = hierarchy.mount.value + path;
  for (int attempt = 0;; ++attempt) {
    make_parents(hierarchy, path);
    enable_down_to(hierarchy, parent_of(path), needed);
    if (::mkdir(full.c_str(), 0755) == 0) return;
    if (errno == EEXIST && existing == Cgroup::Existing::taken) return;
    if (errno == EEXIST) throw Error(ErrorKind::conflict, format("the cgroup {} exists already", full));
    // The parent's last other cgroup has just been removed, and the parent with it.
    if ((errno != ENOENT && errno != ENODEV) || attempt == 10)
      throw system_error(format("cannot make the cgroup {}", full));
  }
}

void remove_made_parents(const Hierarchy& hierarchy, std::string path) {
  for (path = parent_of(path); !path.empty(); path = parent_of(path)) {
    const std::string full = hierarchy.mount.value + path;
    // One that is not there: whoever made the parents was killed in between.
    if (!sys::exists(sys::here, full)) continue;
    if (!is_marked_as_made(full)) return;
    if (::rmdir(full.c_str()) == 0 || errno == ENOENT) continue;
    if (sys::is_breakdown(errno)) throw system_error(format("cannot remove the cgroup {}", full));
    return;  // in use, or another one's
  }
}

/// What a kernel's refusal means, where errno's words lead astray.
struct Refusal {
  std::string_view file;
  int error_number;
  std::string_view hint;
};
constexpr Refusal refusals[] = {
    {"memory.limit_in_bytes", EBUSY, "more than that is in use and cannot be reclaimed"},
    {"memory.limit_in_bytes", EINVAL, "the limit of memory plus swap is smaller"},
    {"memory.memsw.limit_in_bytes", EINVAL, "it is smaller than the memory limit"},
    {"memory.memsw.limit_in_bytes", EBUSY, "more than that is in use and cannot be reclaimed"},
    {"memory.memsw.limit_in_bytes", ENOENT, "this kernel does not count swap; boot it with swapaccount=1"},
    {"memory.swap.max", ENOENT, "this kernel does not count swap; boot it with swapaccount=1"},
    {"cpu.cfs_quota_us", EINVAL, "it is below 1 ms, or more than the parent cgroup has"},
    {"cpu.cfs_period_us", EINVAL, "a period is 1000 to 1000000 microseconds"},
    {"cpu.max", EINVAL, "a quota is at least 1000 microseconds, a period 1000 to 1000000"},
    {"cpu.weight", ERANGE, "it is 1 to 10000"},
    {"cpu.max.burst", EINVAL, "it is at most the quota"},
    {"cpu.cfs_burst_us", EINVAL, "it is at most the quota"},
    {"cpu.rt_runtime_us", EINVAL, "it is more than the period, or than the parent cgroup has"},
    {"cpuset.cpus", EACCES, "the parent cgroup does not have these CPUs"},
    {"cpuset.cpus", EINVAL, "this is no list of CPUs of this machine"},
    {"cpuset.cpus", ERANGE, "this is no list of CPUs of this machine"},
    {"cpuset.cpus", ENOSPC, "processes are in the cgroup and would have no CPU"},
    {"cpuset.mems", EACCES, "the parent cgroup does not have these memory nodes"},
    {"cpuset.mems", EINVAL, "this is no list of memory nodes of this machine"},
    {"cpuset.mems", ERANGE, "this is no list of memory nodes of this machine"},
    {"devices.allow", EPERM, "the parent cgroup does not allow this device"},
};

std::string hint_for(std::string_view file, int error_number) {
  for (const Refusal& refusal : refusals)
    if (refusal.file == file && refusal.error_number == error_number) return std::string(refusal.hint);
  return {};
}

using Clock = timespec;
Clock now() {
  Clock time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time;
}

/// Sleeps a little, each time longer; false when ten seconds are over.
class Patience {
 public:
  bool wait() {
    const Clock time = now();
    const long waited = (time.tv_sec - begin_.tv_sec) * 1000 + (time.tv_nsec - begin_.tv_nsec) / 1'000'000;
    if (waited >= 10'000) return false;
    const timespec pause{0, pause_};
    ::nanosleep(&pause, nullptr);
    pause_ = std::min(pause_ * 2, 20'000'000L);
    return true;
  }

 private:
  Clock begin_ = now();
  long pause_ = 50'000;
};

}  // namespace

Cgroup::Cgroup(const Layout& layout, std::string path)
    : layout_(&layout), path_(std::move(path)), present_(layout.hierarchies.size()) {
  check_path(path_);
}

Cgroup::Cgroup(Cgroup&& other) noexcept
    : layout_(other.layout_),
      path_(std::move(other.path_)),
      present_(std::move(other.present_)),
      made_(std::exchange(other.made_, false)) {}

// The words are runc's.
void Cgroup::check_unused(const Layout& layout, const std::string& path) {
  check_path(path);
  for (const auto& hierarchy : layout.hierarchies) {
    const std::string shown = hierarchy.mount.value + path;
    const auto directory = sys::try_open_at(sys::here, shown, O_RDONLY | O_DIRECTORY);
    if (!directory) continue;
    if (const auto processes = processes_below(directory); !processes.empty())
      throw Error(ErrorKind::conflict, format("container's cgroup is not empty: {} process(es) found in {}",
                                              processes.size(), shown));
    for (const char* file : {"freezer.state", "cgroup.events"})
      if (says_frozen(sys::try_read_file(directory, file).value_or("")))
        throw Error(ErrorKind::conflict, format("container's cgroup unexpectedly frozen: {}", shown));
  }
}

Cgroup Cgroup::create(const Layout& layout, std::string path, const std::vector<std::string>& needed,
                      Existing existing) {
  Cgroup cgroup(layout, std::move(path));
  Step step("make the cgroup", cgroup.path_);
  cgroup.made_ = true;
  for (std::size_t i = 0; i < layout.hierarchies.size(); ++i) {
    const Hierarchy& hierarchy = layout.hierarchies[i];
    if (!hierarchy.writable) continue;
    make_cgroup(hierarchy, cgroup.path_, needed, existing);
    cgroup.present_[i] = true;
    if (!hierarchy.unified && hierarchy.has("cpuset")) fill_cpuset(hierarchy.mount, cgroup.path_);
  }
  return cgroup;
}

void Cgroup::enable(const Layout& layout, const std::string& path, const std::vector<std::string>& needed) {
  check_path(path);
  const Hierarchy* unified = layout.unified();
  if (!needed.empty() && unified && unified->writable) enable_down_to(*unified, parent_of(path), needed);
}

Cgroup Cgroup::open(const Layout& layout, std::string path) {
  Cgroup cgroup(layout, std::move(path));
  for (std::size_t i = 0; i < layout.hierarchies.size(); ++i)
    cgroup.present_[i] = sys::exists(sys::here, cgroup.file(i, ""));
  return cgroup;
}

Cgroup Cgroup::open_everywhere(const Layout& layout, std::string path) {
  Cgroup cgroup(layout, std::move(path));
  for (std::size_t i = 0; i < layout.hierarchies.size(); ++i)
    cgroup.present_[i] = layout.hierarchies[i].writable;
  return cgroup;
}

Cgroup Cgroup::adopt(const Layout& layout, std::string path, const std::vector<std::string>& needed) {
  Cgroup cgroup = open(layout, std::move(path));
  Step step("use the cgroup", cgroup.path_);
  for (std::size_t i = 0; i < layout.hierarchies.size(); ++i)
    if (cgroup.present_[i]) enable_down_to(layout.hierarchies[i], parent_of(cgroup.path_), needed);
  return cgroup;
}

void Cgroup::kill(const Layout& layout, const std::string& path) {
  check_path(path);
  for (const auto& hierarchy : layout.hierarchies) {
    const auto directory = sys::try_open_at(sys::here, hierarchy.mount.value + path, O_RDONLY | O_DIRECTORY);
    if (!directory) continue;
    kill_processes(directory, hierarchy.unified);
    if (hierarchy.has("freezer")) thaw(directory);
  }
}

void Cgroup::remove(const Layout& layout, const std::string& path) {
  check_path(path);
  Step step("remove the cgroup", path);
  Patience patience;
  std::vector<bool> gone(layout.hierarchies.size());
  for (;;) {
    bool all_gone = true;
    for (std::size_t i = 0; i < gone.size(); ++i) {
      const Hierarchy& hierarchy = layout.hierarchies[i];
      if (!gone[i]) {
        gone[i] = !hierarchy.writable || try_remove_tree(sys::here, hierarchy.mount.value + path);
        if (gone[i]) remove_made_parents(hierarchy, path);
      }
      all_gone = all_gone && gone[i];
    }
    if (all_gone) return;
    kill(layout, path);
    if (!patience.wait())
      throw Error(ErrorKind::system, "it is still in use after ten seconds", EBUSY,
                  "a process in it cannot be killed, perhaps it waits for a disk or a network file system");
  }
}

void Cgroup::undo() {
  if (!std::exchange(made_, false)) return;
  // Only what was made here: a hierarchy that had such a cgroup before still has it.
  Layout made;
  for (std::size_t i = 0; i < present_.size(); ++i)
    if (present_[i]) made.hierarchies.push_back(layout_->hierarchies[i]);
  remove(made, path_);
  for (const auto& hierarchy : layout_->hierarchies) remove_made_parents(hierarchy, path_);
}

Cgroup::~Cgroup() {
  try {
    undo();
  } catch (const std::exception&) {
    // The error that undoes this is the one to tell.
  }
}

bool Cgroup::empty() const noexcept { return std::ranges::find(present_, true) == present_.end(); }

std::string Cgroup::file(std::size_t hierarchy, std::string_view name) const {
  return format("{}{}/{}", layout_->hierarchies.at(hierarchy).mount.value, path_, name);
}

void Cgroup::apply(const std::vector<Write>& writes) const {
  sys::UniqueFd open_file;
  const Write* last = nullptr;
  for (const Write& write : writes) {
    // Rules about devices are many writes to one file.
    if (!last || last->hierarchy != write.hierarchy || last->file != write.file)
      open_file = sys::try_open_at(sys::here, file(write.hierarchy, write.file), O_WRONLY);
    last = &write;
    const std::string *name = &write.file, *value = &write.value;
    if (!open_file && errno == ENOENT && !write.other_file.empty()) {
      name = &write.other_file, value = &write.other_value;
      open_file = sys::try_open_at(sys::here, file(write.hierarchy, *name), O_WRONLY);
      if (!open_file && errno == ENOENT)
        throw Error(ErrorKind::unsupported,
                    format("{} was asked for, but this kernel has neither {} nor {}", write.why, write.file,
                           write.other_file),
                    0, "load the I/O scheduler bfq, or leave it out");
    }
    if (open_file && ::pwrite(open_file.number(), value->data(), value->size(), 0) >= 0) continue;
    if (!open_file && errno == ENOENT && !write.required) continue;
    const int number = errno;
    throw system_error(number, format("cannot set {}: \"{}\" to {}", write.why, *value, *name),
                       hint_for(*name, number));
  }
}

std::vector<sys::UniqueFd> Cgroup::open_joins() const {
  std::vector<sys::UniqueFd> joins;
  joins.reserve(present_.size());
  for (std::size_t i = 0; i < present_.size(); ++i)
    if (present_[i] && !layout_->hierarchies[i].unified)
      joins.push_back(sys::open_at(sys::here, file(i, "tasks"), O_WRONLY));
  return joins;
}

sys::UniqueFd Cgroup::open_unified() const { return open_in_unified("", O_RDONLY | O_DIRECTORY); }

void Cgroup::delegate(uid_t owner) const {
  constexpr gid_t unchanged = static_cast<gid_t>(-1);
  const sys::UniqueFd directory = open_unified();
  if (!directory) return;
  const std::string names = sys::try_read_file(sys::here, "/sys/kernel/cgroup/delegate")
                                .value_or("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
  if (::fchown(directory.number(), owner, unchanged) != 0)
    throw system_error(format("cannot give the cgroup {} to user {}", path_, owner));
  for (std::string_view rest = names; !rest.empty();) {
    const std::string name(next_word(rest, '\n'));
    if (::fchownat(directory.number(), name.c_str(), owner, unchanged, 0) != 0 && errno != ENOENT)
      throw system_error(format("cannot give {} of the cgroup {} to user {}", name, path_, owner));
  }
}

sys::UniqueFd Cgroup::open_unified_join() const { return open_in_unified("cgroup.procs", O_WRONLY); }

sys::UniqueFd Cgroup::open_in_unified(std::string_view name, int flags) const {
  const Hierarchy* unified = layout_->unified();
  if (!unified || !present_[layout_->index_of(*unified)]) return {};
  return sys::open_at(sys::here, file(layout_->index_of(*unified), name), flags);
}

}  // namespace tare::cgroup
