// A container that is about to be there, made or restored: what is known of it, and what is undone where that
// fails.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/cgroup.h"
#include "runtime/bundle.h"
#include "runtime/container.h"
#include "runtime/container_cgroup.h"
#include "runtime/create.h"
#include "runtime/make_plan.h"
#include "runtime/resctrl.h"
#include "runtime/state_dir.h"

namespace tare::runtime {

/// What is known and checked before anything is made.
struct Preparation {
  Bundle bundle;
  uid_t owner = 0;
  HostFacts facts;
  std::vector<cgroup::Write> limits;
};

/// Reads the bundle; one who is not root becomes root of a user namespace.
Preparation prepare(const CreateOptions& options);

/// The state directory and the groups, removed again unless the container is to stay. The directory says
/// where they are, so it goes last.
class Claim {
 public:
  /// Takes the name, writes the config down, and makes the groups with their limits. `prepared` outlives it.
  Claim(const CreateOptions& options, const Preparation& prepared);
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim();

  StateDirectory& directory() noexcept { return directory_; }
  const cgroup::Cgroup& cgroup() const noexcept { return **cgroup_; }
  /// What is to be done if all of it was undone.
  void when_gone(std::function<void()> then) { when_gone_ = std::move(then); }

  /// Puts a process with one thread, which was not born there, into the cgroup.
  void put_into_cgroup(pid_t pid) const;
  /// The container's process is in its cgroup: notes what it is.
  void occupied(pid_t pid);
  /// The container runs, for everybody to see and to end. Does `meanwhile`, whose result is the exit code;
  /// the container then stays, or goes if it is to.
  int let_run(Container& container, Stay stay, Keep keep, const std::function<int()>& meanwhile);

 private:
  explicit Claim(StateDirectory claimed) : directory_(std::move(claimed)) {}
  /// After directory().unlock(): whether the container is still there. Its name may be another one's by now,
  /// which is nobody's to undo.
  bool regain();
  void keep_groups();
  void undo();

  StateDirectory directory_;
  const Preparation* prepared_ = nullptr;
  std::optional<ContainerCgroup> cgroup_;
  std::optional<ResctrlGroups> resctrl_;
  bool stays_ = false;
  std::function<void()> when_gone_ = [] {};
};

CgroupOrder cgroup_order(const Preparation& prepared, const std::string& id);

}  // namespace tare::runtime
