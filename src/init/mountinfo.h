// The mounts of this mount namespace (proc_pid_mountinfo(5)), for the kernels that change only one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "init/text.h"

namespace tare::init::older {

struct MountLine {
  uint64_t id = 0;
  PathBuffer path;  ///< where it is mounted
};

class Mountinfo {
 public:
  Mountinfo() = default;
  Mountinfo(const Mountinfo&) = delete;
  Mountinfo& operator=(const Mountinfo&) = delete;
  ~Mountinfo();

  /// 0, or a negative errno.
  long read();
  void rewind() { at_ = 0; }
  bool next(MountLine& line);
  bool find(uint64_t id, MountLine& line);
  /// Whether the mount with this number is mounted at `path`. Keeps the place of next().
  bool is_at(uint64_t id, const char* path);

 private:
  char* text_ = nullptr;
  size_t size_ = 0, at_ = 0;
};

}  // namespace tare::init::older
