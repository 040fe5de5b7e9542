// Kernel parameters that a container can have for itself (sysctl): those of its own namespaces.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/runtime_config.h"
#include "plan/program.h"

namespace tare::runtime {

/// With dots, whichever of sysctl(8)'s two notations it is in: "net/ipv4/conf/eth0.1/mtu" is
/// "net.ipv4.conf.eth0/1.mtu".
std::string normal_parameter_name(std::string_view name);

/// The namespace that the parameter belongs to; nullopt: the whole machine, or nobody knows. `name` is
/// normal.
std::optional<oci::NamespaceKind> namespace_of_parameter(std::string_view name);

/// Throws Error{invalid} for one without a value, or that is not of a namespace of the container's own.
void check_parameter(const oci::RuntimeConfig& config, const oci::KernelParameter& parameter);

/// Adds what sets config.sysctl through the container's procfs in the slot `proc`, or plan::no_slot. Checks
/// each of them.
void plan_parameters(plan::Program& program, const oci::RuntimeConfig& config, std::int32_t proc);

}  // namespace tare::runtime
