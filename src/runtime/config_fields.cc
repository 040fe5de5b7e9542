#include "runtime/config_fields.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/number_list.h"
#include "cgroup/text.h"

namespace tare::runtime {

std::uint64_t read_name(const json::Node& node, std::span<const plan::Name> table) {
  const std::string name = node.text();
  if (const auto number = plan::number_of(table, name)) return *number;
  std::string known;
  for (const auto& row : table) known.append(known.empty() ? "" : ", ").append(row.name);
  node.refuse(format("\"{}\" is none of {}", name, known));
}

std::string clean_path(std::string_view path) {
  std::string clean = path.starts_with('/') ? "/" : "";
  const std::size_t top = clean.size();
  while (!path.empty()) {
    const std::string_view part = cgroup::next_word(path, '/');
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      clean.append(clean.size() > top ? "/" : "").append(part);
    } else {
      const std::size_t slash = clean.rfind('/');
      clean.resize(std::max(top, slash == clean.npos ? 0 : slash));
    }
  }
  return clean;
}

std::string read_number_list(const json::Node& node) {
  std::string list = node.text();
  try {
    (void)cgroup::to_bit_mask(list);
  } catch (const Error& error) {
    node.refuse(error.text());
  }
  return list;
}

}  // namespace tare::runtime
