// What a file has besides its contents, copied from one to another: owner, extended attributes, mode, times.
#pragma once

#include <string>
#include <sys/stat.h>

#include "sys/unique_fd.h"

namespace tare::store {

/// Between open files or directories; `status` is the first one's.
void copy_metadata(sys::Fd from, sys::Fd to, const struct statx& status);
/// Of what cannot be opened: a symlink (not what it points to), a device, a FIFO, a socket. The name is the
/// same in both directories.
void copy_metadata_at(sys::Fd from, sys::Fd to, const std::string& name, const struct statx& status);

/// Takes away all extended attributes that copy_metadata would set.
void clear_attributes(sys::Fd file);

}  // namespace tare::store
