// The blocks before an entry's data in a POSIX pax archive (pax(1), "pax Interchange Format"). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archive/tar_reader.h"

namespace tare::archive {

inline constexpr std::size_t tar_block = 512;

/// An extended attribute.
struct Attribute {
  std::string name, value;
};

/// A ustar header, and before it a pax header with what does not fit in there: long names and those that are
/// not ASCII, large ids and sizes, times with fractions or beyond 2242, attributes (as SCHILY.xattr, which
/// all know). The name is written byte for byte. An attribute with = in its name has no form there, and is
/// left out.
std::string make_tar_header(const Entry& entry, const std::vector<Attribute>& attributes);

}  // namespace tare::archive
