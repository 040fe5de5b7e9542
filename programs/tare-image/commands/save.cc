// tare-image save: images of the store as an archive.
#include "image/save.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cli/progress.h"
#include "commands/commands.h"
#include "store/images.h"
#include "sys/file.h"
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
  const store::ImagesInUse in_use(root);
  std::vector<image::SavedImage> images;
  for (const auto& name : parsed.operands) images.push_back(find(root, name));
  cli::Progress progress("saving");
  if (!path) {
    image::save(root, images, sys::Fd(STDOUT_FILENO), reporting_to(progress));
    return 0;
  }
  // Whole or not at all.
  const std::string unfinished = *path + ".new";
  const sys::UniqueFd file = sys::open_at(sys::here, unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  try {
    image::save(root, images, file, reporting_to(progress));
    if (::rename(unfinished.c_str(), path->c_str()) != 0)
      throw system_error(format("cannot write {}", *path));
  } catch (...) {
    sys::remove_file(sys::here, unfinished);
    throw;
  }
  return 0;
}

}  // namespace tare::commands
