#include "runtime/pid_file.h"

#include "sys/file.h"

namespace tare::runtime {

void write_pid_file(const std::string& path, pid_t pid) {
  if (!path.empty()) sys::replace_file(sys::here, path, std::to_string(pid), 0644);
}

}  // namespace tare::runtime
