// The host's names of users.
#pragma once

#include <map>
#include <string>
#include <sys/types.h>

namespace tare::sys {

/// By /etc/passwd, as it is when this is made.
class UserNames {
 public:
  UserNames();
  /// The number where there is no name.
  std::string name_of(uid_t user) const;

 private:
  std::map<uid_t, std::string> names_;
};

}  // namespace tare::sys
