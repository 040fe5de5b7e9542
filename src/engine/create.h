// `tare create`: a container that is defined, and not started yet.
#pragma once

#include "engine/container_config.h"
#include "engine/definition.h"
#include "engine/host.h"
#include "state/containers.h"

namespace tare::engine {

/// What is mounted over files of its /etc, some of it from the host's.
std::vector<EtcFile> read_etc_files(const RunOptions& options, const std::string& hostname);

/// A container that is claimed, and forgotten with this object while the lock is held.
class Claim {
 public:
  Claim(const state::Place& place, state::Record& record);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  state::Lock& lock() noexcept { return lock_; }

 private:
  const state::Place& place_;
  const state::Record& record_;
  state::Lock lock_;
};

/// A container that this command is responsible for: claimed and defined. Given up with this object, and then
/// gone, unless it is kept or the lock is let go of, because its monitor is responsible.
class Created {
 public:
  /// Validates, finds or unpacks the root file system, claims a name. Throws what keeps it from being made.
  Created(const state::Place& place, RunOptions options, const Host& host, const Notify& notify);

  const HostPath& directory() const noexcept { return directory_; }
  state::Record& record() noexcept { return record_; }
  Definition& definition() noexcept { return definition_; }
  state::Lock& lock() noexcept { return claim_->lock(); }

  /// It stays as it is, and nobody is responsible for it.
  void keep() { state::release(place_, record_.id, lock()); }

 private:
  const state::Place& place_;
  Definition definition_;
  state::Record record_;
  std::optional<Claim> claim_;
  HostPath directory_;
};

/// Returns the id.
std::string create(const state::Place& place, RunOptions options, const Notify& notify);

}  // namespace tare::engine
