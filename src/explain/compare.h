// Two containers side by side: what they share, and how they differ.
#pragma once

#include <string>
#include <vector>

#include "explain/container.h"

namespace tare::explain {

struct Difference {
  std::string what;  ///< "memory limit", "mount /data"; "capabilities": those that the other one lacks
  std::string first, second;  ///< in words; empty: it has none
};

struct Comparison {
  std::string first, second;  ///< their names
  std::vector<std::string>
      namespaces;  ///< kinds of those that both are in; the host's have a word after them
  std::vector<std::string> layers, volumes, cgroup_parents;
  std::vector<Difference> differences;
};

Comparison compare(const Container& first, const Container& second);

/// For people (pure).
std::string print(const Comparison& comparison);

}  // namespace tare::explain
