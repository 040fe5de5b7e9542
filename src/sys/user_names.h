// The host's users, by /etc/passwd. The C library would ask others, too (nsswitch.conf(5)), by libraries that
// a statically linked program cannot count on; getent(1) can.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

namespace tare::sys {

struct User {
  std::string name;
  gid_t group = 0;
  std::string home;
};
/// nullopt: the file does not have one.
std::optional<User> find_user(uid_t user);
/// Where the file does not have one, by getent(1).
std::optional<User> find_user_anywhere(uid_t user);

/// All of them, as they are when this is made.
class UserNames {
 public:
  UserNames();
  /// The number where there is no name.
  std::string name_of(uid_t user) const;

 private:
  std::map<uid_t, std::string> names_;
};

}  // namespace tare::sys
