// Older kernels, and filters of callers who know only older ones. Every newer call of the kernel's is made
// first; only where it is refused in this way is the older one made, so a kernel that has it pays nothing.
// Freestanding: tare-init includes it, too.
#pragma once

namespace tare::sys {

/// Whether a call's error says that it is not there: ENOSYS is the kernel's word, EPERM that of filters (old
/// ones of docker's), and E2BIG that of a kernel which has the call, but not the fields of it that are asked
/// for. Where EPERM was meant, the older way meets the same refusal.
constexpr bool is_missing(long error) { return error == 38 || error == 1 || error == 7; }

}  // namespace tare::sys
