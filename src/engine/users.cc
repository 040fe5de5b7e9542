#include "engine/users.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::engine {
namespace {

constexpr std::size_t largest_file = 16 << 20, longest_shown = 32;

using Fields = std::vector<std::string>;

// The lines of a file like passwd(5) or group(5); what has too few fields is passed over, as libc does.
std::vector<Fields> read_table(sys::Fd root, const char* path, std::size_t field_count) {
  const sys::UniqueFd file = sys::try_open_regular_in_root(root, ContainerPath(path));
  if (!file) return {};
  Step step("read the container's", path);
  const std::string text = sys::read_all(file, largest_file);
  std::vector<Fields> table;
  Fields fields(1);
  for (const char c : text + "\n") {
    if (c == ':')
      fields.emplace_back();
    else if (c != '\n')
      fields.back().push_back(c);
    else {
      if (fields.size() >= field_count) table.push_back(fields);
      fields.assign(1, {});
    }
  }
  return table;
}

// A number as an id, strictly: " 1", "0x1", "-1" and 2^32 are names (CVE-2026-30892).
std::optional<std::uint32_t> as_id(const std::string& text) {
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const std::uint64_t number = parse_integer<std::uint64_t>(text);
  if (number > 0xfffffffeU) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// By its name in field 0; what is a number is always the id in field 2, never a name: an image could give the
// name 1000 to its root account (CVE-2016-3697).
const Fields* find(const std::vector<Fields>& table, const std::string& wanted) {
  const auto id = as_id(wanted);
  const auto found = std::ranges::find_if(table, [&](const Fields& row) {
    return is_number(wanted) ? id && as_id(row[2]) == id : row[0] == wanted;
  });
  return found == table.end() ? nullptr : &*found;
}

bool is_member(const std::string& members, const std::string& user) {
  const std::string list = "," + members + ",";
  return !user.empty() && list.find("," + user + ",") != std::string::npos;
}

}  // namespace

Identity resolve_user(sys::Fd root, const std::string& text) {
  const auto colon = text.find(':');
  const std::string wanted_user = text.substr(0, colon);
  const std::string wanted_group = colon == std::string::npos ? "" : text.substr(colon + 1);
  const std::vector<Fields> users = read_table(root, "/etc/passwd", 4);

  Identity identity{.user = {}, .home = "/"};
  const std::string key = wanted_user.empty() ? "0" : wanted_user;
  const Fields* row = find(users, key);
  const auto number = as_id(row ? (*row)[2] : key);
  if (!number)
    throw Error(ErrorKind::invalid,
                format("unable to find user {}: no matching entries in passwd file", wanted_user));
  identity.user.uid = *number;
  if (row && row->size() > 5 && (*row)[5].starts_with('/')) identity.home = (*row)[5];

  if (wanted_group.empty() && !row) return identity;
  if (wanted_group.empty()) {
    const auto gid = as_id((*row)[3]);
    // To take it for nothing would make it the group root.
    if (!gid)
      throw Error(ErrorKind::invalid,
                  format("the group \"{}\" of user {} in the container's /etc/passwd is not a number",
                         (*row)[3].substr(0, longest_shown), key));
    identity.user.gid = *gid;
  }
  const std::vector<Fields> groups = read_table(root, "/etc/group", 3);
  if (!wanted_group.empty()) {
    const Fields* group = find(groups, wanted_group);
    const auto gid = as_id(group ? (*group)[2] : wanted_group);
    if (!gid)
      throw Error(ErrorKind::invalid,
                  format("unable to find group {}: no matching entries in group file", wanted_group));
    identity.user.gid = *gid;
    return identity;
  }
  for (const Fields& group : groups)
    if (group.size() > 3 && row && is_member(group[3], (*row)[0]))
      if (const auto gid = as_id(group[2])) identity.user.additional_gids.push_back(*gid);
  return identity;
}

}  // namespace tare::engine
