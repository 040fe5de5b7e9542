// tare-image save: images of the store as an archive.
#include "image/save.h"

#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "image/output_file.h"
#include "store/images.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

image::SavedImage find(const HostPath& root, const std::string& name_or_id) {
  auto image = store::find_image(root, name_or_id);
  if (!image)
    throw Error(ErrorKind::not_found, format("No such image: {}", name_or_id), 0, "`tare images` lists them");
  const std::string name = store::name_in(*image, name_or_id);
  return {.image = std::move(*image), .name = name};
}

}  // namespace

int save(const cli::Parsed& parsed) {
  const auto path = parsed.value("output");
  if (!path && sys::is_terminal(sys::Fd(STDOUT_FILENO)))
    throw Error(ErrorKind::usage, "cowardly refusing to save to a terminal", 0,
                "use the -o flag or redirect");
  const HostPath root = root_of(parsed);
  const store::ImagesInUse in_use(root, false);
  std::vector<image::SavedImage> images;
  images.reserve(parsed.operands.size());
  for (const auto& name : parsed.operands) images.push_back(find(root, name));
  cli::Progress progress("saving");
  image::OutputFile output(path);
  image::save(root, images, output.fd(), reporting_to(progress));
  output.finish();
  return 0;
}

}  // namespace tare::commands
