// What `--change` of import and commit says: some of a Dockerfile's instructions, applied to an image's
// configuration as docker does.
#pragma once

#include <string>
#include <vector>

#include "oci/image.h"

namespace tare::oci {

/// CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR; a change
/// may have several lines, each an instruction of its own. An entrypoint goes without the command that was
/// there before, unless the same changes have a CMD. Whether a signal's name is one is for the caller. Throws
/// Error{invalid} that names the instruction.
void apply_changes(ImageDefaults& defaults, const std::vector<std::string>& changes);

}  // namespace tare::oci
