// Who the container's process is: `--user` by the container's own /etc/passwd and /etc/group.
#pragma once

#include <string>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::engine {

struct Identity {
  oci::User user;
  std::string home;  ///< "/" where passwd does not say
};

/// `text` is "", "user", "user:group", both names or numbers; `root` the container's root directory, whose
/// files are read by rooted resolution and may be missing. Throws Error{invalid} for a name that is not
/// there.
Identity resolve_user(sys::Fd root, const std::string& text);

}  // namespace tare::engine
