// tare-image push: an image to a registry.
#include "image/push.h"

#include <cstdio>

#include "base/error.h"
#include "base/format.h"
#include "commands/commands.h"
#include "commands/transfer_lines.h"
#include "store/images.h"

namespace tare::commands {
namespace {

using What = image::PushEvents::What;

void push_one(const HostPath& root, const oci::Reference& reference, bool is_quiet) {
  TransferLines lines;
  image::PushOptions options{
      .root = root, .reference = reference, .settings = registry::default_settings(), .events = {}};
  if (!is_quiet) {
    std::fprintf(stderr, "The push refers to repository [%s]\n", reference.repository().c_str());
    options.events.blob = [&](const std::string& blob, What what, Bytes done, Bytes total) {
      switch (what) {
        case What::exists: return lines.show(blob, "Layer already exists", true);
        case What::pushing: return lines.show(blob, "Pushing", done, total);
        case What::mounted: return lines.show(blob, "Mounted from another repository", true);
        case What::pushed: return lines.show(blob, "Pushed", true);
      }
    };
  }
  const image::PushedImage pushed = image::push(options);
  std::printf("%s: digest: %s size: %lld\n", reference.tag.c_str(), pushed.digest.c_str(),
              static_cast<long long>(pushed.size));
}

}  // namespace

int push(const cli::Parsed& parsed) {
  const HostPath root = root_of(parsed);
  const bool is_quiet = parsed.has("quiet");
  const std::string& name = parsed.operands.front();
  if (!parsed.has("all-tags")) {
    const oci::Reference reference = oci::parse_tagged_reference(name);
    if (reference.tag.empty())
      throw Error(ErrorKind::usage, "cannot push a digest reference", 0, "name a tag");
    push_one(root, reference, is_quiet);
    return 0;
  }
  const oci::Reference wanted = oci::parse_reference(name);
  if (!wanted.tag.empty() || wanted.digest)
    throw Error(ErrorKind::usage, "tag can't be used with --all-tags/-a", 0, "leave the tag out");
  bool is_found = false;
  for (const auto& entry : store::list_manifests(root)) {
    if (entry.name.empty()) continue;
    const oci::Reference reference = oci::parse_reference(entry.name);
    if (reference.repository() != wanted.repository() || reference.tag.empty()) continue;
    is_found = true;
    push_one(root, reference, is_quiet);
  }
  if (!is_found)
    throw Error(ErrorKind::not_found,
                format("An image does not exist locally with the tag: {}", wanted.short_repository()), 0,
                "`tare images` lists those that do");
  return 0;
}

}  // namespace tare::commands
