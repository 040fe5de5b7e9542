#include "sys/user_names.h"

#include <charconv>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "sys/file.h"

namespace tare::sys {

namespace {

std::optional<std::uint32_t> to_number(const std::string& text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// passwd(5): name:password:id:group:comment:home:shell. `tell` says whether it has seen enough.
template <typename Tell>
void read_users(const std::string& text, Tell tell) {
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ':');
    const auto user = fields.size() > 2 ? to_number(fields[2]) : std::nullopt;
    if (user && tell(*user, fields)) return;
  }
}

std::string passwd_file() { return try_read_file(here, "/etc/passwd").value_or(std::string()); }

std::string ask_getent(uid_t user) {
  const std::string command = "getent passwd " + std::to_string(user) + " 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "re");
  if (!pipe) return {};
  std::string text;
  char buffer[1024];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, size);
  ::pclose(pipe);
  return text;
}

std::optional<User> find_in(const std::string& text, uid_t user) {
  std::optional<User> found;
  read_users(text, [&](uid_t one, const std::vector<std::string>& fields) {
    if (one != user) return false;
    found = User{.name = fields[0]};
    if (fields.size() > 3) found->group = to_number(fields[3]).value_or(0);
    if (fields.size() > 5) found->home = fields[5];
    return true;
  });
  return found;
}

}  // namespace

std::optional<User> find_user(uid_t user) { return find_in(passwd_file(), user); }

std::optional<User> find_user_anywhere(uid_t user) {
  auto found = find_user(user);
  return found ? std::move(found) : find_in(ask_getent(user), user);
}

UserNames::UserNames() {
  read_users(passwd_file(), [&](uid_t one, const std::vector<std::string>& fields) {
    names_.emplace(one, fields[0]);
    return false;
  });
}

std::string UserNames::name_of(uid_t user) const {
  const auto known = names_.find(user);
  return known == names_.end() ? std::to_string(user) : known->second;
}

}  // namespace tare::sys
