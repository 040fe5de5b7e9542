#include "runtime/plan_filter.h"

#include <linux/seccomp.h>

#include "base/format.h"
#include "runtime/default_filter.h"
#include "runtime/seccomp_names.h"
#include "runtime/seccomp_profile.h"

namespace tare::runtime {

using plan::Kind;

bool has_listener(const oci::RuntimeConfig& config) {
  return config.seccomp && has_notifications(*config.seccomp);
}

void plan_filter(plan::Program& program, const oci::RuntimeConfig& config) {
  if (config.seccomp) {
    CompiledProfile compiled = compile_profile(*config.seccomp);
    program.add({.kind = Kind::load_filter,
                 .into = has_listener(config) ? program.new_slot() : plan::no_slot,
                 .b = compiled.flags,
                 .text = format("a profile of {} rules", config.seccomp->rules.size()),
                 .filter = std::move(compiled.program)});
  } else if (config.default_seccomp) {
    const std::uint64_t capabilities = config.process.capabilities.bounding;
    // As runc does: the kernel's own slower ways around Spectre are for those who ask (prctl(2),
    // PR_SET_SPECULATION_CTRL).
    program.add({.kind = Kind::load_filter,
                 .b = SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                 .text = format("the default policy: {} calls allowed", count_allowed_calls(capabilities)),
                 .filter = default_filter(capabilities)});
  }
}

}  // namespace tare::runtime
