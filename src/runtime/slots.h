// The descriptors that init inherits: what a plan's inputs name, opened.
#pragma once

#include <optional>
#include <vector>

#include "cgroup/cgroup.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// What a plan's inputs name and only the caller has: the other ends of the container's standard streams,
/// where it has no terminal, and the process whose namespaces are joined, as a pidfd.
struct Streams {
  sys::Fd input{-1}, output{-1}, error{-1};
  sys::Fd process{-1};
  sys::Fd gate{-1};  ///< see start_gate.h
};

/// Holds them open. Throws naming what cannot be opened.
class Slots {
 public:
  Slots(const plan::Program& program, const cgroup::Cgroup& cgroup, const Streams& streams, sys::Fd list);

  /// One for each slot; -1 where there is none, or where an operation will put it.
  const std::vector<int>& numbers() const { return numbers_; }

  /// Where mounts cannot be made before they are attached (open_tree(2), mount_setattr(2)), those of the
  /// inputs are init's to make: the first thing in its mount namespace.
  bool leaves_binds_to_init() const { return !left_to_init_.empty(); }
  plan::Program as_init_can(const plan::Program& program) const;

 private:
  void own(std::int32_t slot, sys::UniqueFd fd);

  std::vector<int> numbers_;
  std::vector<sys::UniqueFd> owned_;
  std::vector<plan::Input> left_to_init_;
};

}  // namespace tare::runtime
