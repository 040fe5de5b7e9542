#include "cgroup/creation.h"

#include <algorithm>

#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

/// Switched on in v2 where possible, so that usage can be told later.
constexpr std::string_view counting_controllers[] = {"cpu", "io", "memory", "pids"};

std::string read_trimmed(const std::string& path) {
  return std::string(trimmed(sys::try_read_file(sys::here, path).value_or("")));
}

/// "" for the root, then each cgroup on the way down to `path` and that itself.
std::vector<std::string> way_down(const std::string& path) {
  std::vector<std::string> way{""};
  for (std::size_t end = 0; !path.empty() && end != std::string::npos;) {
    end = path.find('/', end + 1);
    way.push_back(path.substr(0, end));
  }
  return way;
}

class Foreseen {
 public:
  Foreseen(const Hierarchy& hierarchy, std::vector<CreationStep>& steps)
      : hierarchy_(hierarchy), steps_(steps) {}

  void make(const std::string& path) {
    for (const auto& parent : way_down(parent_of(path)))
      if (!sys::exists(sys::here, hierarchy_.mount.value + parent))
        steps_.push_back({.path = hierarchy_.mount.value + parent, .value = {}});
  }
  void make_itself(const std::string& path) {
    steps_.push_back({.path = hierarchy_.mount.value + path, .value = {}});
  }

  // A cgroup that is not there yet will have what is switched on above it.
  void enable(const std::string& path, const std::vector<std::string>& needed) {
    const auto wanted = controllers_for(hierarchy_, needed);
    if (!wanted) return;
    std::string from_above;
    for (const auto& parent : way_down(parent_of(path))) {
      if (parent.size() < hierarchy_.delegated.size()) continue;
      const std::string directory = hierarchy_.mount.value + parent;
      const bool is_there = sys::exists(sys::here, directory);
      std::string on = is_there ? read_trimmed(directory + "/cgroup.subtree_control") : std::string();
      const std::string available = is_there ? read_trimmed(directory + "/cgroup.controllers") : from_above;
      const auto missing = controllers_to_enable(on, available, *wanted);
      if (!missing.empty())
        steps_.push_back({.path = directory + "/cgroup.subtree_control",
                          .value = enabling_text(missing),
                          .why = "for the controllers"});
      for (const auto& controller : missing) on.append(on.empty() ? "" : " ").append(controller);
      from_above = on;
    }
  }

  // As fill_cpuset of Cgroup::create: downwards from the nearest that has any.
  void fill_cpuset(const std::string& path) {
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      std::string value;
      for (const auto& step : way_down(path)) {
        const std::string name = hierarchy_.mount.value + step + file;
        if (std::string own = read_trimmed(name); !own.empty())
          value = std::move(own);
        else if (!value.empty())
          steps_.push_back({.path = name, .value = value, .why = "as the cgroup above has it"});
      }
    }
  }

 private:
  const Hierarchy& hierarchy_;
  std::vector<CreationStep>& steps_;
};

}  // namespace

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

std::vector<std::string> controllers_to_enable(std::string_view on, std::string_view available,
                                               const std::vector<std::string>& needed) {
  std::vector<std::string> wanted = needed;
  for (const auto controller : counting_controllers)
    if (has_word(available, controller, ' ') && std::ranges::find(wanted, controller) == wanted.end())
      wanted.emplace_back(controller);
  std::erase_if(wanted, [&](const std::string& controller) { return has_word(on, controller, ' '); });
  return wanted;
}

std::string enabling_text(const std::vector<std::string>& controllers) {
  std::string all;
  for (const auto& controller : controllers) all.append(all.empty() ? "+" : " +").append(controller);
  return all;
}

std::optional<std::vector<std::string>> controllers_for(const Hierarchy& hierarchy,
                                                        const std::vector<std::string>& needed) {
  const auto is_here = [&](std::string_view controller) { return hierarchy.has(controller); };
  std::vector<std::string> wanted;
  std::ranges::copy_if(needed, std::back_inserter(wanted), is_here);
  if (!hierarchy.unified || (wanted.empty() && std::ranges::none_of(counting_controllers, is_here)))
    return std::nullopt;
  return wanted;
}

std::vector<CreationStep> plan_creation(const Layout& layout, const std::string& path,
                                        const std::vector<std::string>& needed) {
  std::vector<CreationStep> steps;
  for (const auto& hierarchy : layout.hierarchies) {
    if (!hierarchy.writable) continue;
    Foreseen foreseen(hierarchy, steps);
    foreseen.make(path);
    foreseen.enable(path, needed);
    foreseen.make_itself(path);
    if (!hierarchy.unified && hierarchy.has("cpuset")) foreseen.fill_cpuset(path);
  }
  return steps;
}

}  // namespace tare::cgroup
