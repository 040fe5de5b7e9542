// update: other limits for a container that lives.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/types.h"

namespace tare::runtime {

/// `changes` is the specification's object "linux.resources" with what is to be another from now on; its
/// rules about devices are passed over, as are 0 and "" where they mean "not set". What is set is noted, so
/// that a later update knows the other half of a pair. Throws Error{not_found}, Error{conflict} "container
/// not running", Error{invalid} naming the field, or what a limit cannot be had for; the others are then as
/// before.
/// `schemata`: other lines for the container's group of resctrl (linux.intelRdt).
void update(const HostPath& root, const std::string& id, const json::object& changes,
            const std::vector<std::string>& schemata = {});

/// The parts of it. `known` with what `changes` says, field by field.
json::object merged_resources(json::object known, const json::object& changes);
/// Without what says nothing, and without devices.
json::object said_resources(const json::object& resources);
/// `changes`, and of `merged` what goes into one file with it, or depends on it.
json::object with_partners(json::object changes, const json::object& merged);

}  // namespace tare::runtime
