// What an entry has besides its contents: owner, mode, times, extended attributes, put in the order the
// kernel needs.
#pragma once

#include <string>
#include <string_view>

#include "archive/tar_reader.h"
#include "sys/unique_fd.h"

namespace tare::archive {

/// Which extended attributes archives carry, when they are written and when they are read.
bool is_kept_attribute(std::string_view name);

/// Of an open file or directory.
void put_metadata(sys::Fd object, const Entry& entry, TarReader& contents);
/// Of what cannot be opened: a symlink (not what it points to), a device, a FIFO.
void put_metadata_at(sys::Fd parent, const std::string& name, const Entry& entry, TarReader& contents);

}  // namespace tare::archive
