// tare-image import: a root file system becomes an image.
#include "image/import.h"

#include <cstdio>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "oci/changes.h"
#include "sys/signals.h"
#include "sys/terminal.h"

namespace tare::commands {

int import(const cli::Parsed& parsed) {
  const std::string& source = parsed.operands[0];
  if (source == "-" && sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "requested import from stdin, but stdin is empty", 0,
                "tare import FILE, or tare import - <FILE");
  const Time created = now();
  const auto platform =
      parsed.value_as("platform", [](const auto& text) { return oci::parse_platform(text); });
  image::ImportOptions options{.root = root_of(parsed),
                               .source = source,
                               .name = parsed.operands.size() > 1 ? parsed.operands[1] : "",
                               .config = {.platform = platform.value_or(oci::own_platform()),
                                          .created = created,
                                          .author = {},
                                          .defaults = {},
                                          .layers = {},
                                          .history = {{.created = created,
                                                       .created_by = {},
                                                       .author = {},
                                                       .comment = parsed.value("message").value_or(
                                                           format("Imported from {}", source))}}},
                               .progress = {}};
  if (parsed.operands.size() > 1 && options.name.empty())
    throw Error(ErrorKind::invalid, "invalid reference format");
  oci::apply_changes(options.config.defaults, parsed.values("change"));
  if (const auto& signal = options.config.defaults.stop_signal; !signal.empty()) {
    Step step("change", "STOPSIGNAL");
    sys::parse_signal(signal);
  }
  cli::Progress progress("importing " + (source == "-" ? "standard input" : source));
  options.progress = reporting_to(progress);
  std::printf("%s\n", image::import(options).value.c_str());
  return 0;
}

}  // namespace tare::commands
