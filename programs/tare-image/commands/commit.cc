// tare-image commit: a container's files become an image.
#include "image/commit.h"

#include <cstdio>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"config", 0, Takes::value, "FILE", "the image's config, but for the new layer"},
    {"container", 0, Takes::value, "ID", "whose files they are"},
    {"base", 0, Takes::value, "DIGEST",
     "the manifest of the image below: LAYER is an overlay's upper directory"},
    {"name", 0, Takes::value, "NAME", "the image's name"},
    {"user-marks", 0, Takes::nothing, "", "overlayfs wrote the layers in a user namespace (userxattr)"},
    {"until-read", 0, Takes::value, "DESCRIPTOR",
     "a socket: shut when the files have been read; who holds the other end is waited for"},
};

// The container goes on before anybody hears that the image is there.
void shut(sys::Fd socket) {
  ::shutdown(socket.number(), SHUT_WR);
  char byte;
  while (::read(socket.number(), &byte, 1) > 0) {
  }
}

}  // namespace

constinit const cli::Command commit_command = {
    .name = "commit",
    .operands = "LAYER...",
    .summary = "Make an image of what directories show together",
    .details = "The topmost first, as overlayfs understands them.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int commit(const cli::Parsed& parsed) {
  const auto config = parsed.value("config"), container = parsed.value("container");
  if (!config || !container) throw Error(ErrorKind::usage, "--config and --container are needed");
  const auto socket =
      parsed.value_as("until-read", [](const auto& text) { return parse_integer<int>(text, 3); });
  image::CommitOptions options{.root = root_of(parsed),
                               .container = ContainerId(*container),
                               .base = parsed.value_as("base",
                                                       [](const std::string& text) {
                                                         const auto digest = oci::parse_digest(text);
                                                         if (!digest)
                                                           throw Error(ErrorKind::invalid,
                                                                       format("{} is no digest", text));
                                                         return *digest;
                                                       }),
                               .layers = {},
                               .marks = parsed.has("user-marks") ? store::Marks::user : store::Marks::trusted,
                               .name = parsed.value("name").value_or(""),
                               .config = oci::parse_image_config(sys::read_file(sys::here, *config)),
                               .is_read =
                                   [&] {
                                     if (socket) shut(sys::Fd(*socket));
                                   },
                               .progress = {}};
  for (const auto& layer : parsed.operands) options.layers.emplace_back(layer);
  cli::Progress progress("committing");
  options.progress = reporting_to(progress);
  const image::Committed committed = image::commit(options);
  if (committed.sockets > 0)
    std::fprintf(stderr, "tare: %llu sockets were left out: no archive can have them\n",
                 static_cast<unsigned long long>(committed.sockets));
  std::printf("%s\n", committed.id.value.c_str());
  return 0;
}

}  // namespace tare::commands
