#include "explain/namespaces.h"

#include <limits>

#include "base/format.h"
#include "cgroup/text.h"
#include "explain/proc_text.h"
#include "sys/file.h"

namespace tare::explain {
namespace {

constexpr const char* kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

constexpr std::uint32_t last_id = std::numeric_limits<std::uint32_t>::max() - 1;  // -1 is none

std::uint64_t inode_of(sys::Fd process, const std::string& kind) {
  const auto status = sys::try_status(process, "ns/" + kind);
  return status ? status->st_ino : 0;
}

std::string range(std::uint32_t first, std::uint32_t size) {
  return size == 1 ? format("{}", first) : format("{}-{}", first, std::uint64_t{first} + size - 1);
}

bool is_everything(const std::vector<oci::IdMapping>& mappings) {
  return mappings.size() == 1 && mappings[0].container == 0 && mappings[0].host == 0 &&
         mappings[0].size >= last_id;
}

}  // namespace

std::vector<Namespace> read_namespaces(sys::Fd process, const std::vector<Neighbour>& neighbours) {
  const sys::UniqueFd self = sys::try_open_at(sys::here, "/proc/self", O_PATH | O_DIRECTORY);
  std::vector<Namespace> namespaces;
  for (const std::string kind : kinds) {
    const std::uint64_t inode = inode_of(process, kind);
    if (inode == 0) continue;  // this kernel does not have it
    Namespace one{.kind = kind, .inode = inode, .is_hosts = inode == inode_of(self, kind), .containers = {}};
    for (const auto& neighbour : neighbours)
      if (inode_of(neighbour.process, kind) == inode) one.containers.push_back(neighbour.name);
    namespaces.push_back(std::move(one));
  }
  return namespaces;
}

std::vector<oci::IdMapping> parse_id_map(std::string_view text) {
  std::vector<oci::IdMapping> mappings;
  while (!text.empty()) {
    std::string_view line = cgroup::next_word(text, '\n');
    const auto number = [&] { return static_cast<std::uint32_t>(number_from(next_field(line))); };
    const std::uint32_t container = number(), host = number(), size = number();
    if (size != 0) mappings.push_back({.container = container, .host = host, .size = size});
  }
  return mappings;
}

std::string id_map_words(const std::vector<oci::IdMapping>& mappings) {
  if (mappings.empty()) return "no id has been given to it";
  if (is_everything(mappings)) return "every id is the host's own";
  std::string words;
  for (const auto& one : mappings)
    words += format("{}{} inside {} {} outside", words.empty() ? "" : ", ", range(one.container, one.size),
                    one.size == 1 ? "is" : "are", range(one.host, one.size));
  return words;
}

std::optional<std::uint32_t> inner_id(const std::vector<oci::IdMapping>& mappings, std::uint32_t host) {
  for (const auto& one : mappings)
    if (host >= one.host && host - one.host < one.size) return one.container + (host - one.host);
  return std::nullopt;
}

}  // namespace tare::explain
