// A container for programs.
#pragma once

#include <string>
#include <vector>

#include "explain/compare.h"
#include "explain/container.h"

namespace tare::explain {

/// An object with the names of the struct's fields; what the kernel does not say is null. Namespaces are as
/// in the struct, capabilities are lists of names (pure).
std::string to_json(const Container& container);
std::string to_json(const Comparison& comparison);

}  // namespace tare::explain
