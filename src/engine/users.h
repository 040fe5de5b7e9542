// Who the container's process is: `--user` by the container's own /etc/passwd and /etc/group.
#pragma once

#include <string>
#include <vector>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::engine {

struct Identity {
  oci::User user;
  std::vector<std::uint32_t> asked_groups;  ///< of the additional ones, those that the caller asked for
  std::string home;                         ///< "/" where passwd does not say
};

/// `text` is "", "user", "user:group", both names or numbers; `more_groups` are names or numbers, too (`root`
/// the container's root directory, whose files are read by rooted resolution and may be missing). The
/// additional groups begin with the user's own. Throws Error{invalid} for a name that is not there.
Identity resolve_user(sys::Fd root, const std::string& text,
                      const std::vector<std::string>& more_groups = {});

}  // namespace tare::engine
