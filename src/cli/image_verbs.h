// The verbs that `tare` hands over to tare-image: their command lines, which both programs read.
#pragma once

#include "cli/option_table.h"

namespace tare::commands {

extern const cli::Command pull_command, push_command, login_command, logout_command, load_command,
    save_command, import_command, system_check_command;

}  // namespace tare::commands
