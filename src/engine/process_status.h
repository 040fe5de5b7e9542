// A process as /proc tells of it, in the words of `ps -ef`.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/time.h"

namespace tare::engine {

struct ProcessStatus {
  pid_t parent = 0;
  uid_t user = 0;              ///< the effective one
  std::uint64_t terminal = 0;  ///< its device number; 0: none
  double cpu_seconds = 0;
  double start = 0;     ///< seconds after boot
  std::string command;  ///< its words, or its name in brackets
};

/// nullopt: it has ended.
std::optional<ProcessStatus> read_process_status(pid_t pid);

/// Percent of its life that it spent on a CPU.
int cpu_share(const ProcessStatus& status);
/// "12:34" today, "Feb29" this year, "2023".
std::string start_words(const ProcessStatus& status, Time now);
/// "pts/3", "tty1", "ttyS0", "?" for none.
std::string terminal_name(std::uint64_t device);
/// "00:01:02", "3-00:00:00" with days.
std::string cpu_time_words(const ProcessStatus& status);

}  // namespace tare::engine
