// The list of writes in the making: which hierarchy a limit goes to, or why it cannot be had.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cgroup/layout.h"
#include "cgroup/limits.h"

namespace tare::cgroup {

class LimitPlanner {
 public:
  explicit LimitPlanner(const Layout& layout) : layout_(layout) {}
  const Layout& layout() const { return layout_; }

  /// The hierarchy to limit with. nullptr: nothing is to be limited, and nothing can be. Throws
  /// Error{unsupported} saying what is missing.
  const Hierarchy* need(std::string_view controller, std::string_view why, bool limiting = true) const;
  /// The same where only cgroup v1 has such a file.
  const Hierarchy& need_v1(std::string_view controller, std::string_view why) const;
  void write(const Hierarchy& hierarchy, std::string_view file, std::string value, std::string_view why,
             bool required = true);
  /// Whichever of two files the kernel has.
  void write_either(const Hierarchy& hierarchy, std::string_view file, std::string value,
                    std::string_view other_file, std::string other_value, std::string_view why);
  std::vector<Write> take() { return std::move(writes_); }

 private:
  const Layout& layout_;
  std::vector<Write> writes_;
};

/// Limits that few containers have: huge pages, RDMA, networks' classes, devices one by one, swappiness, and
/// v2's files by name, which come last.
void plan_rare_limits(LimitPlanner& planner, const oci::Resources& resources);
/// What they need besides.
std::vector<std::string> controllers_of_rare_limits(const oci::Resources& resources);

}  // namespace tare::cgroup
