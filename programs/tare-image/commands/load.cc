// tare-image load: images from an archive into the store.
#include "image/load.h"

#include <cstdio>
#include <unistd.h>

#include "base/error.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "oci/reference.h"
#include "sys/terminal.h"

namespace tare::commands {

int load(const cli::Parsed& parsed) {
  image::LoadOptions options{
      .root = root_of(parsed), .source = parsed.value("input").value_or("-"), .progress = {}};
  if (options.source == "-" && sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "requested load from stdin, but stdin is empty", 0,
                "tare load -i FILE, or tare load <FILE");
  cli::Progress progress("loading " + (options.source == "-" ? "standard input" : options.source));
  if (!parsed.has("quiet")) options.progress = reporting_to(progress);
  for (const auto& image : image::load(options))
    if (image.name.empty())
      std::printf("Loaded image ID: %s\n", image.id.c_str());
    else
      std::printf("Loaded image: %s\n", oci::parse_reference(image.name).short_text().c_str());
  return 0;
}

}  // namespace tare::commands
