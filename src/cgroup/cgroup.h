// A container's cgroup: one directory of the same path in every hierarchy.
#pragma once

#include <string>
#include <vector>

#include "cgroup/layout.h"
#include "cgroup/limits.h"
#include "sys/unique_fd.h"

namespace tare::cgroup {

/// Made by `create` and gone with this object unless it is kept; or opened, and left alone.
/// The Layout outlives it.
class Cgroup {
 public:
  /// Makes `path` ("/tare-0123", "/my/parent/tare-0123") in every writable hierarchy; where there is none the
  /// object is empty and everything below does nothing. Parents that are missing are made, marked as ours,
  /// and removed again with the last cgroup in them. On v2 the controllers are switched on down to the
  /// parent: those in `needed`, or Error{unsupported}, and those that only count, where the kernel lets us.
  /// Throws Error{conflict} when there is such a cgroup already, unless that may be taken: check_unused() is
  /// to come first then.
  enum class Existing { refused, taken };
  static Cgroup create(const Layout& layout, std::string path, const std::vector<std::string>& needed = {},
                       Existing existing = Existing::refused);
  /// Throws Error{conflict} when processes are in it or below it, or it is frozen: what is in a cgroup is
  /// ended with the container whose it is. No error when there is no such cgroup.
  static void check_unused(const Layout& layout, const std::string& path);
  /// Switches the controllers on in v2 for a cgroup that there is already, where they are not; as create.
  static void enable(const Layout& layout, const std::string& path, const std::vector<std::string>& needed);
  /// One that somebody else made for us, and removes again (systemd), with what can be switched on down to
  /// it. Throws as `create` does.
  static Cgroup adopt(const Layout& layout, std::string path, const std::vector<std::string>& needed = {});
  /// The cgroup of a container that runs; a hierarchy that lacks it is left out.
  static Cgroup open(const Layout& layout, std::string path);
  /// The same where every writable hierarchy is known to have it.
  static Cgroup open_everywhere(const Layout& layout, std::string path);
  /// Sends SIGKILL to every process in it and below it, frozen ones included. No error when it is gone.
  static void kill(const Layout& layout, const std::string& path);
  /// Kills what is in it, removes it with everything below, and then the parents that `create` made if they
  /// are empty. No error when it is gone already. Throws when it is still in use after ten seconds. The
  /// caller is not in it (it would be killed with the rest).
  static void remove(const Layout& layout, const std::string& path);

  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  void keep() noexcept { made_ = false; }
  /// What the destructor does, which cannot say that it failed. Throws as `remove` does.
  void undo();
  const std::string& path() const noexcept { return path_; }
  bool empty() const noexcept;

  /// Throws naming the file, the value and, where it is known, what the kernel's refusal means.
  void apply(const std::vector<Write>& writes) const;

  /// The v1 hierarchies' `tasks` files, open for writing: a process joins by writing "0" to each. (A pid
  /// written to cgroup.procs instead makes the kernel wait some ten milliseconds.)
  std::vector<sys::UniqueFd> open_joins() const;
  /// The directory in v2, for CLONE_INTO_CGROUP and attach_device_rules; invalid where there is no v2.
  sys::UniqueFd open_unified() const;
  /// Gives v2's directory to a user, with those of its files that the kernel says can be delegated
  /// (cgroups(7), "Cgroups v2 delegation"): /sys/kernel/cgroup/delegate.
  void delegate(uid_t owner) const;
  /// v2's cgroup.procs, for a process that could not be cloned into the cgroup: it writes "0".
  sys::UniqueFd open_unified_join() const;

 private:
  Cgroup(const Layout& layout, std::string path);
  std::string file(std::size_t hierarchy, std::string_view name) const;
  sys::UniqueFd open_in_unified(std::string_view name, int flags) const;

  const Layout* layout_;
  std::string path_;
  std::vector<bool> present_;  ///< as Layout::hierarchies: where the cgroup exists
  bool made_ = false;
};

}  // namespace tare::cgroup
