// What the fields of a config.json say together, before anything is done. Pure.
#pragma once

#include "oci/runtime_config.h"
#include "runtime/mount_options.h"

namespace tare::runtime {

/// As parse_config() made it. Throws the Error of whoever would refuse it later, with the field's JSON
/// pointer before it.
void check_config(const oci::RuntimeConfig& config);

/// Throws Error{invalid} for a place where nothing can be mounted.
void check_destination(const oci::Mount& mount);
/// Throws Error{invalid} for a place where no device can be.
void check_device_path(const ContainerPath& path);
/// Throws Error{invalid} for what only a file system of its own could have.
void check_bind_options(const MountOptions& options);

}  // namespace tare::runtime
