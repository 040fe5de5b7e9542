// The part of a plan that limits which system calls the container may make.
#pragma once

#include "oci/runtime_config.h"
#include "plan/program.h"

namespace tare::runtime {

/// A profile, else the default policy, else nothing, as the config says.
void plan_filter(plan::Program& program, const oci::RuntimeConfig& config);

}  // namespace tare::runtime
