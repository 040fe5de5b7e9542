#include "cli/image_verbs.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option pull_options[] = {
    {"all-tags", 'a', Takes::nothing, "", "every tag of the repository"},
    {"platform", 0, Takes::value, "OS/ARCHITECTURE", "of an image for several platforms, the one for this"},
    {"quiet", 'q', Takes::nothing, "", "show no progress"},
};
constexpr cli::Option push_options[] = {
    {"all-tags", 'a', Takes::nothing, "", "every tag of the repository that is here"},
    {"quiet", 'q', Takes::nothing, "", "show no progress"},
};
constexpr cli::Option login_options[] = {
    {"password", 'p', Takes::value, "PASSWORD", "the password; others can see it in the list of processes"},
    {"password-stdin", 0, Takes::nothing, "", "read the password from standard input"},
    {"username", 'u', Takes::value, "USER", "the user's name there"},
};
constexpr cli::Option load_options[] = {
    {"input", 'i', Takes::value, "FILE", "read this file, or this directory, instead of standard input"},
    {"quiet", 'q', Takes::nothing, "", "show no progress"},
};
constexpr cli::Option import_options[] = {
    {"change", 'c', Takes::value, "INSTRUCTION", "an instruction of a Dockerfile for the image", true},
    {"message", 'm', Takes::value, "MESSAGE", "what the image's history says of it"},
    {"platform", 0, Takes::value, "OS/ARCHITECTURE", "what its programs run on (default: this machine)"},
};
constexpr cli::Option save_options[] = {
    {"output", 'o', Takes::value, "FILE", "write to this file instead of standard output"},
};

}  // namespace

constinit const cli::Command pull_command = {
    .name = "pull",
    .operands = "NAME[:TAG|@DIGEST]",
    .summary = "Fetch an image from a registry",
    .details =
        "A name without a registry is one of docker.io, and one without a tag means latest. What an "
        "interrupted "
        "pull has fetched stays for the next; `tare image prune` removes it. Mirrors, certificates and "
        "credentials: docs/registries.md.",
    .options = pull_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = "image pull",
};

constinit const cli::Command push_command = {
    .name = "push",
    .operands = "NAME[:TAG]",
    .summary = "Send an image to a registry",
    .details =
        "Under a name that it has here: `tare tag` gives it one. It has the digests there that it was pulled "
        "by; "
        "what the registry has already is not sent.",
    .options = push_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = "image push",
};

constinit const cli::Command login_command = {
    .name = "login",
    .operands = "[REGISTRY]",
    .summary = "Note whom to be at a registry, once it has agreed",
    .details =
        "Without a registry: docker.io. What docker and podman know counts as well; docs/registries.md says "
        "which "
        "files, and how a program keeps the passwords instead.",
    .options = login_options,
    .minimum_operands = 0,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

constinit const cli::Command logout_command = {
    .name = "logout",
    .operands = "[REGISTRY]",
    .summary = "Forget whom to be at a registry",
    .details = {},
    .options = {},
    .minimum_operands = 0,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

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

constinit const cli::Command import_command = {
    .name = "import",
    .operands = "FILE|DIRECTORY|- [NAME[:TAG]]",
    .summary = "Make an image of a root file system",
    .details =
        "A tarball is plain or compressed with gzip, bzip2, xz or zstd, known by its content; - is the "
        "standard input. The image has one layer. A layer cannot have a file whose name begins with .wh., "
        "which is refused. The instructions of -c are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, "
        "ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. Prints the image's id.\n"
        "\n"
        "Examples:\n"
        " tare import -c 'CMD [\"/bin/sh\"]' ./rootfs base:1\n"
        " tare export web | tare import - web:copy",
    .options = import_options,
    .minimum_operands = 1,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = "image import",
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

constinit const cli::Command system_check_command = {
    .name = "system check",
    .operands = "",
    .summary = "See whether the images on the disk are what they should be",
    .details =
        "Reads every blob and compares it with its digest, and looks whether images and containers have all "
        "of "
        "their "
        "blobs and layers. Prints a line for each thing that is "
        "wrong; "
        "the exit status is then 1.",
    .options = {},
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

}  // namespace tare::commands
