// The verbs of tare-image: each file has the verb's option table and the function that carries it out.
#pragma once

#include "base/types.h"
#include "cli/image_verbs.h"
#include "cli/option_table.h"
#include "cli/progress.h"
#include "image/worker.h"

namespace tare::commands {

/// Carries a parsed command out; the result is the exit code.
using Verb = int (*)(const cli::Parsed& parsed);

extern const cli::Command unpack_command, unpack_image_command, export_command, commit_command;
int unpack(const cli::Parsed& parsed);
int unpack_image(const cli::Parsed& parsed);
int pull(const cli::Parsed& parsed);
int push(const cli::Parsed& parsed);
int login(const cli::Parsed& parsed);
int logout(const cli::Parsed& parsed);
int load(const cli::Parsed& parsed);
int save(const cli::Parsed& parsed);
int import(const cli::Parsed& parsed);
int commit(const cli::Parsed& parsed);
int check(const cli::Parsed& parsed);
int export_layers(const cli::Parsed& parsed);

/// Of the store.
HostPath root_of(const cli::Parsed& parsed);
/// `progress` must outlive it.
image::ProgressReport reporting_to(cli::Progress& progress);

}  // namespace tare::commands
