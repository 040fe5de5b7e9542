// tare-image unpack --root DIR SOURCE: makes a tarball a layer of the store and prints its digest.
#include "image/unpack.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

constexpr const char* usage = "tare-image unpack --root DIR FILE|-";

void show_progress(Bytes done, Bytes total) {
  constexpr Bytes mib = 1 << 20;
  if (total > 0)
    std::fprintf(stderr, "\rtare: unpacking %lld of %lld MiB", static_cast<long long>(done / mib),
                 static_cast<long long>(total / mib));
  else
    std::fprintf(stderr, "\rtare: unpacking %lld MiB", static_cast<long long>(done / mib));
}

/// Wiped before anything else is said, an error too.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown) {}
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  bool shown_;
};

}  // namespace

void unpack(int count, char** arguments) {
  image::UnpackOptions options;
  std::optional<std::string> source;
  for (int i = 0; i < count; i++) {
    const std::string_view argument = arguments[i];
    if (argument == "--root" && i + 1 < count)
      options.root = HostPath(arguments[++i]);
    else if (!source && (argument == "-" || !argument.starts_with("-")))
      source = argument;
    else
      throw Error(ErrorKind::usage, format("what is {}?", argument), 0, usage);
  }
  if (!source || options.root.empty()) throw Error(ErrorKind::usage, "needs a store and a tarball", 0, usage);
  options.source = *source;
  if (const char* limit = std::getenv("TARE_UNPACK_LIMIT")) {
    Step step("TARE_UNPACK_LIMIT");
    options.limits.unpacked = parse_size(limit);
  }
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (terminal) options.progress = show_progress;
  const store::LayerId layer = [&] {
    const ProgressLine line(terminal);
    return image::unpack_tarball(options);
  }();
  std::printf("%s\n", layer.c_str());
}

}  // namespace tare::commands
