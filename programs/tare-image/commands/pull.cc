// tare-image pull: an image from a registry.
#include "image/pull.h"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "archive/confine.h"
#include "base/error.h"
#include "base/format.h"
#include "commands/commands.h"
#include "commands/transfer_lines.h"
#include "registry/client.h"
#include "store/blobs.h"
#include "store/images.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using What = image::PullEvents::What;

// What is downloaded and unpacked from now on cannot do more than that. What the user has for it is read
// before.
registry::Settings confine(const HostPath& root, const oci::Reference& reference) {
  registry::Settings settings = registry::default_settings();
  registry::ask_beforehand(settings, reference);
  store::make_image_layout(root);
  const sys::UniqueFd store = sys::open_at(sys::here, root.value, O_PATH | O_DIRECTORY);
  archive::confine_to_fetching(store, settings.hosts.files());
  return settings;
}

void pull_one(const HostPath& root, const oci::Reference& reference, const registry::Settings& settings,
              const cli::Parsed& parsed) {
  const bool is_quiet = parsed.has("quiet");
  TransferLines lines;
  image::PullOptions options{.root = root,
                             .reference = reference,
                             .platform = parsed.value_as("platform", oci::parse_platform),
                             .settings = settings,
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
  // A few for each layer, of which there may be hundreds.
  rlimit files;
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const HostPath root = root_of(parsed);
  if (!parsed.has("all-tags")) {
    const oci::Reference reference = oci::parse_tagged_reference(parsed.operands.front());
    pull_one(root, reference, confine(root, reference), parsed);
    return 0;
  }
  oci::Reference reference = oci::parse_reference(parsed.operands.front());
  if (!reference.tag.empty() || reference.digest)
    throw Error(ErrorKind::usage, "tag can't be used with --all-tags/-a", 0, "leave the tag out");
  const registry::Settings settings = confine(root, reference);
  registry::Client client(reference, settings);
  for (const auto& tag : client.tags()) {
    reference.tag = tag;
    pull_one(root, reference, settings, parsed);
  }
  return 0;
}

}  // namespace tare::commands
