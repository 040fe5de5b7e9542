// All calls that libseccomp knows, by name.
#pragma once

#include <string>
#include <vector>

#include "runtime/call_numbers.h"

/// The names stay as long as the program runs.
std::vector<tare::runtime::CallName> look_up_all_calls();
