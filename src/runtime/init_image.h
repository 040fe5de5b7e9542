// tare-init as something the kernel can execute and nobody can change (CVE-2019-5736).
#pragma once

#include "sys/unique_fd.h"

namespace tare::runtime {

/// A descriptor for execveat(2): a memory file sealed against every change; or, where memory files may not be
/// executed (sysctl vm.memfd_noexec=2, see memfd_create(2)), a file on a read-only tmpfs that nobody can
/// reach.
sys::UniqueFd make_init_image();

/// The two ways, for the tests; invalid where the kernel refuses.
sys::UniqueFd try_sealed_memory_file() noexcept;
sys::UniqueFd make_hidden_file();

}  // namespace tare::runtime
