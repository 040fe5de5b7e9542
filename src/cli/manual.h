// Manual pages made from the option tables, for man(1).
#pragma once

#include <string>

#include "cli/option_table.h"

namespace tare::cli {

/// In roff with the macros of man(7): the program's page, or that of one of its commands, named as git(1)'s
/// are ("tare-run"). `section` is that of the manual: 1 or 8.
std::string manual(const Program& program, int section, const Command* command = nullptr);

/// "tare-volume-create", of the page and its file.
std::string manual_name(const Program& program, const Command* command);

}  // namespace tare::cli
