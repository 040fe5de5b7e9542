#include "image_verbs.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option load_options[] = {
    {"input", 'i', Takes::value, "FILE", "read this file, or this directory, instead of standard input"},
    {"quiet", 'q', Takes::nothing, "", "show no progress"},
};
constexpr cli::Option save_options[] = {
    {"output", 'o', Takes::value, "FILE", "write to this file instead of standard output"},
};

}  // namespace

constinit const cli::Command load_command = {
    .name = "load",
    .operands = "",
    .summary = "Take images from an archive",
    .details =
        "The archive is one of `docker save`, `podman save` or `tare save`: docker's form or an OCI image "
        "layout, plain or compressed with gzip, bzip2, xz or zstd. A directory is an OCI image layout. What "
        "unpacks to more than $TARE_UNPACK_LIMIT (default: 64g) is refused.",
    .options = load_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = "image load",
};

constinit const cli::Command save_command = {
    .name = "save",
    .operands = "IMAGE [IMAGE...]",
    .summary = "Write images to an archive",
    .details =
        "The archive is an OCI image layout that has docker's manifest.json as well, so that `docker load`, "
        "`podman load` and `tare load` take it. Blobs are as they were pulled or loaded.",
    .options = save_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = "image save",
};

}  // namespace tare::commands
