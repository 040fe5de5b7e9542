// `ps --filter`: which containers are meant.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/containers.h"

namespace tare::engine {

/// "created", "running", "paused", "exited", "damaged": the word of `ps --format {{.State}}`.
std::string state_word(Status status);

class ContainerFilter {
 public:
  /// Each "NAME=VALUE". Of one name any may hold, but all labels must; all names must hold. Throws
  /// Error{invalid} for a filter that docker does not know either, Error{not_found} for a container that
  /// another one is compared with.
  ContainerFilter(const state::Place& place, const std::vector<std::string>& filters);
  ~ContainerFilter();
  ContainerFilter(const ContainerFilter&) = delete;
  ContainerFilter& operator=(const ContainerFilter&) = delete;

  /// Whether it speaks of containers that do not run, so that they need not be asked for besides.
  bool wants_all() const;
  bool matches(const Container& container) const;

 private:
  struct Condition;
  const state::Place& place_;
  std::vector<Condition> conditions_;
};

}  // namespace tare::engine
