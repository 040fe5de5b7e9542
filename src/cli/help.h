// Help made from the option tables.
#pragma once

#include <string>
#include <string_view>

#include "cli/option_table.h"
#include "sys/unique_fd.h"

namespace tare::cli {

/// All commands and the global options; with a group, the commands of that group.
///
/// Details, here and below: paragraphs of text are refilled to the width; a line that starts with a space is
/// an example and stays as it is; an empty line separates.
std::string help(const Program& program, int width = 80, std::string_view group = {});

/// Usage, summary, options, details.
std::string help(const Program& program, const Command& command, int width = 80);

/// Columns of a terminal; 80 when it is none or does not say.
int terminal_width(sys::Fd terminal);

}  // namespace tare::cli
