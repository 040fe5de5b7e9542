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
constexpr std::uint32_t highest_unnamed_id = 2147483647;  // as docker has it

using Fields = std::vector<std::string>;

// The lines of a file like passwd(5) or group(5); what has too few fields is passed over, as libc does.
std::vector<Fields> read_table(sys::Fd root, const char* path, std::size_t field_count) {
  const sys::UniqueFd file = sys::try_open_regular_in_root(root, ContainerPath(path));
  if (!file) return {};
  Step step("read the container's", path);
  const std::string text = sys::read_all(file, largest_file);
  std::vector<Fields> table;
  Fields fields(1);
  // Nobody has more fields; the file may.
  constexpr std::size_t most_fields = 7;
  for (const char c : text + "\n") {
    if (c == ':' && fields.size() < most_fields)
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

// A number that docker takes for one, but for none that could be an id.
bool is_out_of_range(const std::string& text) {
  const bool is_negative = text.starts_with('-') && is_number(text.substr(1)) && text != "-0";
  if (is_negative || !is_number(text)) return is_negative;
  const auto first = std::min(text.find_first_not_of('0'), text.size() - 1);
  return text.size() - first > 10 || std::stoull(text.substr(first)) > highest_unnamed_id;
}

// What the table says, or the number itself where the table has no such row.
std::uint32_t id_of(const Fields* row, const std::string& wanted, std::string_view what,
                    std::string_view file) {
  if (!row && is_out_of_range(wanted))
    throw Error(ErrorKind::invalid,
                format("{} {}: uids and gids must be in range 0-{}", what, wanted, highest_unnamed_id));
  const auto id = as_id(row ? (*row)[2] : wanted);
  if (!id)
    throw Error(ErrorKind::invalid,
                format("unable to find {} {}: no matching entries in {} file", what, wanted, file));
  return *id;
}

// To take one that is no number for nothing would make it the group root.
std::uint32_t own_group(const Fields& user, const std::string& name) {
  const auto gid = as_id(user[3]);
  if (!gid)
    throw Error(ErrorKind::invalid,
                format("the group \"{}\" of user {} in the container's /etc/passwd is not a number",
                       user[3].substr(0, longest_shown), name));
  return *gid;
}

}  // namespace

Identity resolve_user(sys::Fd root, const std::string& text, const std::vector<std::string>& more_groups) {
  const auto colon = text.find(':');
  const std::string wanted_user = text.substr(0, colon);
  const std::string wanted_group = colon == std::string::npos ? "" : text.substr(colon + 1);
  const std::vector<Fields> users = read_table(root, "/etc/passwd", 4);
  const std::vector<Fields> groups = read_table(root, "/etc/group", 3);

  Identity identity{.user = {}, .asked_groups = {}, .home = "/"};
  const std::string key = wanted_user.empty() ? "0" : wanted_user;
  const Fields* row = find(users, key);
  identity.user.uid = id_of(row, key, "user", "passwd");
  if (row && row->size() > 5 && (*row)[5].starts_with('/')) identity.home = (*row)[5];

  if (!wanted_group.empty())
    identity.user.gid = id_of(find(groups, wanted_group), wanted_group, "group", "group");
  else if (row)
    identity.user.gid = own_group(*row, key);

  // The user's own group is one of them: a set-group-id program could else leave it, and with it what that
  // group is kept out of (CVE-2022-36109).
  std::vector<std::uint32_t>& all = identity.user.additional_gids;
  all = {identity.user.gid};
  const auto add = [&](std::uint32_t gid) {
    if (std::ranges::find(all, gid) == all.end()) all.push_back(gid);
  };
  if (wanted_group.empty() && row)
    for (const Fields& group : groups)
      if (group.size() > 3 && is_member(group[3], (*row)[0]))
        if (const auto gid = as_id(group[2])) add(*gid);
  for (const auto& wanted : more_groups)
    identity.asked_groups.push_back(id_of(find(groups, wanted), wanted, "group", "group"));
  std::ranges::for_each(identity.asked_groups, add);
  return identity;
}

}  // namespace tare::engine
