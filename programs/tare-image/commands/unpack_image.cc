// tare-image unpack-image: unpacks from its blobs the layers of an image that are not unpacked yet.
#include "base/error.h"
#include "base/format.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "image/layers.h"

namespace tare::commands {

constinit const cli::Command unpack_image_command = {
    .name = "unpack-image",
    .operands = "DIGEST",
    .summary = "Unpack the layers of an image whose blobs are in the store",
    .details = "The digest is that of its manifest.",
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int unpack_image(const cli::Parsed& parsed) {
  const auto digest = oci::parse_digest(parsed.operands.front());
  if (!digest) throw Error(ErrorKind::usage, format("{} is no digest", parsed.operands.front()));
  cli::Progress progress("unpacking the image");
  image::unpack_image(root_of(parsed), *digest, reporting_to(progress));
  return 0;
}

}  // namespace tare::commands
