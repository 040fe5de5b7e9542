// What tare-runtime notes of its containers: a directory each, below a root. docs/storage-layout.md names the
// files.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// runtime-spec, runtime.md "State".
enum class Status { creating, created, running, paused, stopped };
std::string_view status_name(Status status);

inline constexpr std::string_view spec_version = "1.3.0";

struct ContainerState {
  std::string id, bundle, rootfs;
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< when that process began
  std::string boot;               ///< in which boot: else the pid means nothing
  Time created;
  uid_t owner = 0;       ///< who made it
  std::string cgroup;    ///< its path in every hierarchy
  std::string freezer;   ///< the file that says whether it is frozen
  bool own_pids = true;  ///< it has a pid namespace of its own, which ends with its first process
  std::vector<std::pair<std::string, std::string>> annotations;
  json::object updated_resources;  ///< linux.resources, where `update` made them others than config.json has
};

/// Throws Error{invalid} unless it is 1 to 1024 of A-Z a-z 0-9 _ + . - and neither . nor ..
void check_id(const std::string& id);

/// One container's directory. Its lock is the directory's own (flock(2)), held by who makes, starts or
/// deletes the container, and free when that process is dead.
class StateDirectory {
 public:
  /// Makes it, and holds its lock. Throws Error{conflict} when there is one.
  static StateDirectory claim(const HostPath& root, const std::string& id);
  /// Throws Error{not_found}.
  static StateDirectory open(const HostPath& root, const std::string& id);
  static std::optional<StateDirectory> try_open(const HostPath& root, const std::string& id);

  /// Waits ten seconds for who holds it, then throws Error{conflict}.
  void lock();
  void unlock();
  /// Whether it was not removed since it was opened; its name may be another one's by now.
  bool is_there() const noexcept;

  /// nullopt: there is none, since the container is being made, or its making was killed.
  std::optional<ContainerState> try_read() const;
  void write(const ContainerState& state) const;
  /// The config.json that the container was made from: later edits of the bundle's do not matter.
  void write_config(std::string_view text) const;
  std::optional<std::string> try_read_config() const;

  /// Noted when there is one: before that, a group called as this container may be another's.
  void note_resctrl_group() const;
  bool has_resctrl_group() const;

  /// The unit of systemd that its cgroup is; noted before there is one.
  void write_unit(std::string_view name) const;
  /// nullopt: its cgroup is not systemd's.
  std::optional<std::string> try_read_unit() const;

  /// Of what try_read said.
  Status status(const std::optional<ContainerState>& state) const;
  /// The same with its first process, held, where that lives.
  struct Found {
    Status status{};
    sys::UniqueFd process;
  };
  Found find(const std::optional<ContainerState>& state) const;
  void remove();

  const std::string& id() const noexcept { return id_; }
  sys::Fd fd() const noexcept { return directory_; }

 private:
  StateDirectory(const HostPath& root, std::string id, sys::UniqueFd directory)
      : root_(root), id_(std::move(id)), directory_(std::move(directory)) {}

  HostPath root_;
  std::string id_;
  sys::UniqueFd directory_;
  bool locked_ = false;  ///< by this object
};

/// The ids of all containers, sorted.
std::vector<std::string> list_ids(const HostPath& root);

/// The state as `list` shows it.
struct StateSummary {
  pid_t pid = 0;  ///< 0: nothing of it lives
  Status status{};
  std::string owner;
  ContainerState known;  ///< of one being made, only the id
};
StateSummary summarize_state(const StateDirectory& directory, std::optional<ContainerState> state);

/// As the specification and runc print it; `state` as try_read said.
json::object describe_state(const StateDirectory& directory, std::optional<ContainerState> state);

}  // namespace tare::runtime
