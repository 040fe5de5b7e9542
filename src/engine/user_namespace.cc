#include "engine/user_namespace.h"

#include <algorithm>
#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "engine/definition.h"
#include "oci/id_mapping.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::engine {
namespace {

using Mappings = std::vector<oci::IdMapping>;

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back().push_back(c);
  }
  return parts;
}

std::optional<std::uint32_t> as_id(const std::string& text) {
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const auto number = parse_integer<std::uint64_t>(text);
  if (number > 0xffffffff) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

void add(std::vector<IdRange>& taken, const Mappings& mappings) {
  for (const auto& mapping : mappings) taken.push_back({.first = mapping.host, .size = mapping.size});
}

struct Taken {
  std::vector<IdRange> uids, gids;
};

// A definition is all that is known of a container's ids. One that cannot be read cannot be started either.
Taken read_taken(const state::Place& place) {
  Taken taken;
  for (const auto& id : state::list(place)) {
    try {
      if (const auto definition = read_definition(place.directory_of(id))) {
        add(taken.uids, definition->options.uid_mappings);
        add(taken.gids, definition->options.gid_mappings);
      }
    } catch (const Error&) {
      continue;
    }
  }
  return taken;
}

// A plain user's, as they are numbered in his namespace; 0, himself, is not to be given away.
std::vector<IdRange> ranges_of_plain_user(sys::IdKind kind) {
  std::vector<IdRange> ranges;
  for (const auto& [inside, outside, count] : sys::own_ids(kind))
    if (const std::uint64_t first = std::max<std::uint64_t>(inside, 1); first < inside + count)
      ranges.push_back({.first = static_cast<std::uint32_t>(first),
                        .size = static_cast<std::uint32_t>(inside + count - first)});
  return ranges;
}

Mappings choose(sys::IdKind kind, std::vector<IdRange> taken) {
  const char* file = kind == sys::IdKind::user ? "/etc/subuid" : "/etc/subgid";
  const bool is_plain_user = !sys::is_root_of_system();
  const auto ranges =
      is_plain_user ? ranges_of_plain_user(kind)
                    : ranges_for_containers(sys::try_read_file(sys::here, file).value_or(std::string()));
  const auto first = find_free(ranges, std::move(taken), chosen_size);
  if (!first)
    throw Error(ErrorKind::unsupported, format("no {} free ids are left for a container", chosen_size), 0,
                format("give {} more of them in {}, or remove containers",
                       is_plain_user ? "yourself" : "the user \"containers\"", file));
  return {{.container = 0, .host = *first, .size = chosen_size}};
}

}  // namespace

oci::IdMapping parse_mapping(const std::string& text) {
  const auto parts = split(text, ':');
  std::vector<std::uint32_t> numbers;
  for (const auto& part : parts)
    if (const auto number = as_id(part)) numbers.push_back(*number);
  if (numbers.size() != parts.size() || parts.size() < 2 || parts.size() > 3)
    throw invalid(format("\"{}\" is not INSIDE:OUTSIDE[:SIZE], three numbers", text));
  return {.container = numbers[0], .host = numbers[1], .size = numbers.size() == 3 ? numbers[2] : 1};
}

void validate_user_namespace(RunOptions& options) {
  const std::string& wish = options.user_namespace;
  if (!wish.empty() && wish != "host" && wish != "auto")
    throw invalid(format("--userns: invalid USER mode \"{}\"", wish), "there are: host, auto");
  Mappings &uids = options.uid_mappings, &gids = options.gid_mappings;
  const bool has_mappings = !uids.empty() || !gids.empty();
  if (has_mappings && !wish.empty() && !options.mappings_are_chosen)
    throw invalid(format("--userns {} and --uidmap or --gidmap contradict each other", wish));
  if (options.privileged && (has_mappings || wish == "auto"))
    throw invalid("privileged mode is incompatible with user namespaces", "leave out one of the two");
  if (!has_mappings) return;
  if (uids.empty()) uids = gids;
  if (gids.empty()) gids = uids;
  oci::check_mappings(uids, "uid");
  oci::check_mappings(gids, "gid");
}

sys::UniqueFd choose_mappings(const state::Place& place, RunOptions& options) {
  if (options.user_namespace != "auto" || !options.uid_mappings.empty()) return {};
  sys::UniqueFd lock = sys::try_open_at(sys::here, place.root.value, O_RDONLY | O_DIRECTORY);
  if (lock) sys::lock(lock);  // missing only where nothing was ever made
  const Taken taken = read_taken(place);
  options.uid_mappings = choose(sys::IdKind::user, taken.uids);
  options.gid_mappings = choose(sys::IdKind::group, taken.gids);
  options.mappings_are_chosen = true;
  return lock;
}

std::vector<IdRange> subordinate_ranges(std::string_view subordinate_ids, std::string_view user) {
  std::vector<IdRange> ranges;
  for (const auto& line : split(subordinate_ids, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() != 3 || fields[0] != user) continue;
    const auto first = as_id(fields[1]), size = as_id(fields[2]);
    if (first && size && *first != 0 && *size != 0 && std::uint64_t{*first} + *size <= 0xffffffff)
      ranges.push_back({.first = *first, .size = *size});
  }
  return ranges;
}

std::vector<IdRange> ranges_for_containers(std::string_view subordinate_ids) {
  for (const char* user : {"containers", "root"})
    if (auto ranges = subordinate_ranges(subordinate_ids, user); !ranges.empty()) return ranges;
  return {unclaimed};
}

std::optional<std::uint32_t> find_free(const std::vector<IdRange>& ranges, std::vector<IdRange> taken,
                                       std::uint32_t size) {
  std::ranges::sort(taken, {}, &IdRange::first);
  for (const auto& range : ranges) {
    const std::uint64_t end = std::uint64_t{range.first} + range.size;
    std::uint64_t first = range.first;
    for (const auto& other : taken)
      if (other.first < first + size && first < std::uint64_t{other.first} + other.size)
        first = std::uint64_t{other.first} + other.size;
    if (first + size <= end) return static_cast<std::uint32_t>(first);
  }
  return std::nullopt;
}

}  // namespace tare::engine
