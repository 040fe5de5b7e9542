// The part of a plan that limits which system calls the container may make.
#pragma once

#include "oci/runtime_config.h"
#include "plan/program.h"

namespace tare::runtime {

/// A profile, else the default policy, else nothing, as the config says.
void plan_filter(plan::Program& program, const oci::RuntimeConfig& config);

/// Somebody is asked about some calls (SCMP_ACT_NOTIFY): the operation that loads the filter leaves the
/// descriptor for that in its slot.
bool has_listener(const oci::RuntimeConfig& config);

}  // namespace tare::runtime
