// tare-image unpack: makes a tarball a layer of the store and prints its digest.
#include "image/unpack.h"

#include <cstdio>

#include "base/error.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "image/layers.h"

namespace tare::commands {
namespace {

constexpr cli::Option option_table[] = {
    {"layer", 0, cli::Takes::nothing, "", "it is a layer of an image: with whiteouts, for overlayfs"},
};

}  // namespace

constinit const cli::Command unpack_command = {
    .name = "unpack",
    .operands = "FILE|-",
    .summary = "Unpack a tarball into the store, once",
    .details =
        "The tarball is plain or compressed with gzip, bzip2, xz or zstd, known by its content. Prints the "
        "layer's "
        "digest. What unpacks to more than $TARE_UNPACK_LIMIT (default: 64g) is refused.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int unpack(const cli::Parsed& parsed) {
  image::UnpackOptions options;
  options.root = root_of(parsed);
  options.source = parsed.operands.front();
  if (parsed.has("layer")) options.kind = store::LayerKind::overlay;
  options.limits = image::unpack_limits();
  cli::Progress progress("unpacking " + (options.source == "-" ? "standard input" : options.source));
  options.progress = reporting_to(progress);
  std::printf("%s\n", image::unpack_tarball(options).c_str());
  return 0;
}

}  // namespace tare::commands
