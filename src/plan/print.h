// A plan in words: what `--plan` shows, and what an error says that init could not do.
#pragma once

#include <string>
#include <vector>

#include "plan/program.h"

namespace tare::plan {

/// What the mount or the descriptor in a slot is, for the operations that use it.
std::string slot_words(const Program& program, std::int32_t slot);
/// An option of new_filesystem as mount(8) writes it: "size=64k", "ro". A path stands for its descriptor.
std::string option_words(const Program& program, const std::string& option);

/// A command line as one would type it.
std::string command_words(const std::vector<std::string>& arguments);

/// One operation as a phrase that begins with its verb: "mount tmpfs on /dev (rw,nosuid,mode=755)".
std::string words(const Program& program, const Entry& entry);

/// The whole program, a numbered line each: what the parent opens, the namespaces, then the operations.
std::string print(const Program& program);

}  // namespace tare::plan
