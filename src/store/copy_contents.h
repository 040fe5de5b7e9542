// The bytes of regular files, copied the cheapest way the file systems have.
#pragma once

#include <cstdint>
#include <functional>

#include "sys/unique_fd.h"

namespace tare::store {

/// Copies files from one file system to one other; what turned out not to be had is not tried again.
class ContentsCopy {
 public:
  /// `progress` is told the sum of all bytes so far, several times within a large file; holes count only
  /// where blocks are shared.
  explicit ContentsCopy(const std::function<void(std::uint64_t bytes)>& progress) : progress_(progress) {}

  /// `to` is empty. Shares the blocks where that is possible, else copies data and leaves holes out.
  void copy(sys::Fd from, sys::Fd to, std::uint64_t size);

 private:
  bool try_clone(sys::Fd from, sys::Fd to);
  void copy_range(sys::Fd from, sys::Fd to, std::uint64_t begin, std::uint64_t end);
  std::uint64_t copy_some(sys::Fd from, sys::Fd to, std::uint64_t at, std::uint64_t size);
  void count(std::uint64_t bytes);

  const std::function<void(std::uint64_t bytes)>& progress_;
  std::uint64_t copied_ = 0;
  bool can_clone_ = true, can_copy_in_kernel_ = true;
};

}  // namespace tare::store
