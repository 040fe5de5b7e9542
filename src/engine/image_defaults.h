// What an image says about its containers, where the user says nothing else.
#pragma once

#include "engine/run_options.h"
#include "oci/image.h"

namespace tare::engine {

/// User, directory, environment, labels, stop signal, entrypoint and command. An entrypoint of the user's
/// goes without the image's command, as docker has it. Throws Error{invalid} when there is nothing to run.
void apply_image_defaults(RunOptions& options, const oci::ImageDefaults& image);

/// An anonymous volume for each that the image asks for and nothing is mounted at: after add_volumes_from().
void add_image_volumes(RunOptions& options, const oci::ImageDefaults& image);

}  // namespace tare::engine
