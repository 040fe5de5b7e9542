#include "cgroup/number_list.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"

namespace tare::cgroup {

std::vector<std::uint8_t> to_bit_mask(std::string_view list) {
  constexpr std::uint64_t most = 8192;  // the kernel's own limit of CPUs
  const std::string whole(list);
  std::vector<std::uint8_t> mask;
  while (!list.empty()) {
    std::string_view range = next_word(list, ',');
    const bool is_range = range.contains('-');
    const auto first = to_number(trimmed(next_word(range, '-')));
    const auto last = is_range ? to_number(trimmed(range)) : first;
    if (!first || !last || *last < *first || *last >= most)
      throw Error(ErrorKind::invalid, format("\"{}\" is no list of CPUs or memory nodes", whole), 0,
                  "it is like 0-2,8");
    mask.resize(std::max<std::size_t>(mask.size(), *last / 8 + 1));
    for (auto bit = *first; bit <= *last; bit++) mask[bit / 8] |= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  return mask;
}

}  // namespace tare::cgroup
