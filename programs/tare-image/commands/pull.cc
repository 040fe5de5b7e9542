// tare-image pull: an image from a registry.
#include "image/pull.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "commands/commands.h"
#include "commands/transfer_lines.h"
#include "registry/client.h"
#include "store/images.h"

namespace tare::commands {
namespace {

using What = image::PullEvents::What;

void pull_one(const HostPath& root, const oci::Reference& reference, const cli::Parsed& parsed) {
  const bool is_quiet = parsed.has("quiet");
  TransferLines lines;
  image::PullOptions options{.root = root,
                             .reference = reference,
                             .platform = parsed.value_as("platform", oci::parse_platform),
                             .settings = registry::default_settings(),
                             .events = {}};
  if (!is_quiet) {
    std::fprintf(stderr, "%s: Pulling from %s\n",
                 (reference.digest ? reference.digest->value : reference.tag).c_str(),
                 reference.path.c_str());
    options.events.layer = [&](const std::string& layer, What what, Bytes done, Bytes total) {
      switch (what) {
        case What::exists: return lines.show(layer, "Already exists", true);
        case What::waits: return lines.show(layer, "Waiting", false);
        case What::downloading: return lines.show(layer, "Downloading", done, total);
        case What::downloaded: return lines.show(layer, "Download complete", true);
        case What::unpacking: return lines.show(layer, "Extracting", false);
        case What::complete: return lines.show(layer, "Pull complete", true);
      }
    };
  }
  const image::Pulled pulled = image::pull(options);
  if (!is_quiet)
    std::fprintf(stderr, "Digest: %s\nStatus: %s %s\n", pulled.digest.c_str(),
                 pulled.is_new ? "Downloaded newer image for" : "Image is up to date for",
                 reference.short_text().c_str());
  std::printf("%s\n", reference.text().c_str());
}

}  // namespace

int pull(const cli::Parsed& parsed) {
  ::signal(SIGPIPE, SIG_IGN);  // a worker that is gone is told by its last words
  const HostPath root = root_of(parsed);
  if (!parsed.has("all-tags")) {
    pull_one(root, oci::parse_tagged_reference(parsed.operands.front()), parsed);
    return 0;
  }
  oci::Reference reference = oci::parse_reference(parsed.operands.front());
  if (!reference.tag.empty() || reference.digest)
    throw Error(ErrorKind::usage, "tag can't be used with --all-tags/-a", 0, "leave the tag out");
  registry::Client client(reference, registry::default_settings());
  for (const auto& tag : client.tags()) {
    reference.tag = tag;
    pull_one(root, reference, parsed);
  }
  return 0;
}

}  // namespace tare::commands
