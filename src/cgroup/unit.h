// Units of systemd as containers have them: a scope in a slice, its name, and where its cgroup lies. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tare::cgroup {

/// Which systemd: the machine's, or that of the user.
enum class Manager { system, user };

struct Unit {
  std::string name;    ///< "libpod-0123.scope"
  std::string slice;   ///< "machine.slice"; empty: the unit is a slice itself, whose name says where it is
  std::string cgroup;  ///< "/machine.slice/libpod-0123.scope"

  bool is_slice() const noexcept { return slice.empty(); }
};

/// The unit of a container whose config says `cgroups_path`: SLICE:PREFIX:NAME becomes PREFIX-NAME.scope in
/// SLICE; a NAME that ends in .slice is the unit itself. No SLICE: system.slice, or the user's user.slice; -:
/// the root. No cgroups_path at all: tare-runtime-ID.scope. `root` is the cgroup that the manager's units are
/// below, "" for the root. Throws Error{invalid} for what is none of this.
Unit unit_of(std::string_view cgroups_path, std::string_view id, Manager manager, const std::string& root);

/// "/a.slice/a-b.slice" for a-b.slice, "" for -.slice (systemd.slice(5)). Throws Error{invalid}.
std::string expand_slice(std::string_view slice);

/// The cgroup that the manager's units are below: by what /proc/1/cgroup says of the machine's
/// ("0::/init.scope"), by convention the user's.
std::string manager_root(Manager manager, std::string_view first_process_cgroup, unsigned uid);

}  // namespace tare::cgroup
