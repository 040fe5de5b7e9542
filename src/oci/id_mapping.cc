#include "oci/id_mapping.h"

#include "base/error.h"
#include "base/format.h"

namespace tare::oci {
namespace {

constexpr std::size_t most_mappings = 340;               // UID_GID_MAP_MAX_EXTENTS
constexpr std::uint64_t one_past_the_last = 0xffffffff;  // the id -1 is none

bool overlap(std::uint32_t a, std::uint32_t a_size, std::uint32_t b, std::uint32_t b_size) {
  return a < std::uint64_t{b} + b_size && b < std::uint64_t{a} + a_size;
}

std::string words(const IdMapping& mapping) {
  return format("{}:{}:{}", mapping.container, mapping.host, mapping.size);
}

}  // namespace

std::optional<std::uint32_t> host_id(std::span<const IdMapping> mappings, std::uint32_t id) {
  for (const auto& mapping : mappings)
    if (id >= mapping.container && id - mapping.container < mapping.size)
      return mapping.host + (id - mapping.container);
  return std::nullopt;
}

std::string map_text(std::span<const IdMapping> mappings) {
  std::string text;
  for (const auto& mapping : mappings)
    text += format("{} {} {}\n", mapping.container, mapping.host, mapping.size);
  return text;
}

void check_mappings(std::span<const IdMapping> mappings, std::string_view what) {
  if (mappings.size() > most_mappings)
    throw Error(ErrorKind::invalid, format("{} {} mappings are too many: the kernel takes {}",
                                           mappings.size(), what, most_mappings));
  for (std::size_t i = 0; i < mappings.size(); i++) {
    const IdMapping& one = mappings[i];
    if (one.size == 0 || std::uint64_t{one.container} + one.size > one_past_the_last ||
        std::uint64_t{one.host} + one.size > one_past_the_last)
      throw Error(ErrorKind::invalid,
                  format("the {} mapping {} is empty or goes past the last id there is", what, words(one)));
    for (std::size_t j = 0; j < i; j++)
      if (const IdMapping& other = mappings[j];
          overlap(one.container, one.size, other.container, other.size) ||
          overlap(one.host, one.size, other.host, other.size))
        throw Error(ErrorKind::invalid,
                    format("the {} mappings {} and {} overlap", what, words(other), words(one)));
  }
  if (!host_id(mappings, 0))
    throw Error(ErrorKind::invalid, format("no {} mapping has the container's {} 0", what, what), 0,
                "the container's first process starts as that");
}

}  // namespace tare::oci
