// A seccomp profile in the runtime-spec's words (oci::Seccomp) as a program for the kernel. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "oci/runtime_config.h"

namespace tare::runtime {

struct CompiledProfile {
  std::vector<std::uint64_t> program;  ///< an instruction (struct sock_filter) in each number
  std::uint64_t flags = 0;             ///< SECCOMP_FILTER_FLAG_…
};

/// Names that no call has are passed over. A rule without arguments wins over those with; of these the first
/// that holds counts. If the default is not to allow, calls newer than all that the profile names get ENOSYS,
/// as runc does it, so that programs fall back on older ones. Architectures that are neither the machine's
/// own nor in the profile are killed. Throws Error{invalid} for unknown words and for what is too long for
/// the kernel, Error{unsupported} for what is not carried out.
CompiledProfile compile_profile(const oci::Seccomp& profile);

}  // namespace tare::runtime
