// `tare top`: the processes of a container.
#pragma once

#include <string>
#include <vector>

#include "state/containers.h"

namespace tare::engine {

struct ProcessTable {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};

/// As `ps -ef` shows them, read from /proc; pids are the host's. Throws Error{not_found}, or Error{conflict}
/// where the container does not run.
ProcessTable list_processes(const state::Place& place, const std::string& name_or_id);

/// As the host's ps shows them with these options, one of whose columns is PID. Throws as above, and
/// Error{invalid} where there is no such column.
ProcessTable list_processes(const state::Place& place, const std::string& name_or_id,
                            const std::vector<std::string>& ps_options);

}  // namespace tare::engine
