// Stops every process of a cgroup where it is, and lets them go on.
#pragma once

#include <string>
#include <string_view>

#include "cgroup/layout.h"

namespace tare::cgroup {

/// Returns when all are stopped. Throws Error{unsupported} where no freezer is to be had, Error{system} when
/// they do not stop within ten seconds (and then lets them go on).
void freeze(const Layout& layout, const std::string& path);
/// No error where there is no such cgroup or no freezer.
void thaw(const Layout& layout, const std::string& path);

/// The file that says whether a cgroup is frozen, for whoever asks often and does not want to look for it;
/// empty: there is none. And what its text means.
std::string freezer_file(const Layout& layout, const std::string& path);
bool says_frozen(std::string_view text);

}  // namespace tare::cgroup
