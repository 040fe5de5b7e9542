// tare commit: a container's files become an image.
#include "engine/commit.h"

#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"author", 'a', Takes::value, "AUTHOR", "who made the image"},
    {"change", 'c', Takes::value, "INSTRUCTION", "an instruction of a Dockerfile for the image", true},
    {"message", 'm', Takes::value, "MESSAGE", "what the image's history says of it"},
    {"pause", 'p', Takes::nothing, "", "pause a running container while its files are read (default: true)"},
};

}  // namespace

constinit const cli::Command commit_command = {
    .name = "commit",
    .operands = "CONTAINER [NAME[:TAG]]",
    .summary = "Make an image of a container's files",
    .details =
        "What the container has changed is a layer upon those of its image; of one that was made of a "
        "directory or a tarball, or whose image is gone, the whole root file system is one layer. What is "
        "mounted in it (volumes, /proc, /dev) is not in the image. The image has the container's command, "
        "environment, user, directory, labels, volumes and stop signal; then -c changes that: CMD, "
        "ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. "
        "Prints the image's id.\n"
        "\n"
        "Examples:\n"
        " tare commit web web:fixed\n"
        " tare commit -c 'CMD [\"/bin/sh\"]' -m 'before the upgrade' web web:before",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = "container commit",
};

int commit(const Context& context, const cli::Parsed& parsed) {
  const bool is_named = parsed.operands.size() > 1;
  if (is_named && parsed.operands[1].empty()) throw Error(ErrorKind::invalid, "invalid reference format");
  engine::commit_container(context.place, parsed.operands[0],
                           {.author = parsed.value("author").value_or(""),
                            .message = parsed.value("message").value_or(""),
                            .name = is_named ? parsed.operands[1] : "",
                            .changes = parsed.values("change"),
                            .pauses = parsed.has("pause", true)});
}

}  // namespace tare::commands
