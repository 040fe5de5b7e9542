// What tare-init recorded of a traced run, as a part of the trace.
#pragma once

#include <cstdint>
#include <sys/types.h>

#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

class InitTrace {
 public:
  /// So many records fit; none in a run that is not traced.
  static std::uint32_t capacity() noexcept;

  /// Compares init's clock with ours; again in add_to_trace().
  InitTrace() noexcept;

  /// Init has executed its program, failed, or ended. `pid` is its process, `until` when that was.
  void add_to_trace(const plan::Program& program, sys::Fd list, pid_t pid, std::int64_t until) const;

 private:
  std::uint64_t ticks_;
  std::int64_t time_;
};

}  // namespace tare::runtime
