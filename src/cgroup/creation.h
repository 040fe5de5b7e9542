// What is done to make a cgroup: the rules of Cgroup::create, and what they come to, to be told beforehand.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/layout.h"

namespace tare::cgroup {

/// "" for a cgroup directly below the root.
std::string parent_of(const std::string& path);

/// Those of `needed`, and those that only count usage where they are available, without those that are on.
std::vector<std::string> controllers_to_enable(std::string_view on, std::string_view available,
                                               const std::vector<std::string>& needed);
/// What switches them on, in cgroup.subtree_control.
std::string enabling_text(const std::vector<std::string>& controllers);

/// Those of `needed` that this v2 hierarchy has; nullopt where nothing is ever switched on.
std::optional<std::vector<std::string>> controllers_for(const Hierarchy& hierarchy,
                                                        const std::vector<std::string>& needed);

struct CreationStep {
  std::string path;   ///< of a cgroup to be made, or of a file
  std::string value;  ///< what is written to the file; empty: a cgroup
  std::string_view why = {};
};

/// What Cgroup::create would do now, in its order.
std::vector<CreationStep> plan_creation(const Layout& layout, const std::string& path,
                                        const std::vector<std::string>& needed);

}  // namespace tare::cgroup
