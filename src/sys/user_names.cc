#include "sys/user_names.h"

#include <charconv>

#include "base/text.h"
#include "sys/file.h"

namespace tare::sys {

// passwd(5): name:password:id:…
UserNames::UserNames() {
  for (const auto& line : split(try_read_file(here, "/etc/passwd").value_or(std::string()), '\n')) {
    const auto fields = split(line, ':');
    uid_t user = 0;
    if (fields.size() < 3) continue;
    const char* const end = fields[2].data() + fields[2].size();
    const auto [stop, error] = std::from_chars(fields[2].data(), end, user);
    if (error == std::errc() && stop == end) names_.emplace(user, fields[0]);
  }
}

std::string UserNames::name_of(uid_t user) const {
  const auto known = names_.find(user);
  return known == names_.end() ? std::to_string(user) : known->second;
}

}  // namespace tare::sys
