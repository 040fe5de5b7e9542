// tare-image check (`tare system check`): whether the store of images is what it should be.
#include "image/check.h"

#include <cstdio>

#include "base/format.h"
#include "cli/progress.h"
#include "commands/commands.h"

namespace tare::commands {

int check(const cli::Parsed& parsed) {
  std::vector<std::string> problems;
  {
    cli::Progress progress("checking");
    problems = image::check({.root = root_of(parsed), .run_root = {}}, reporting_to(progress));
  }
  for (const auto& problem : problems) std::printf("%s\n", problem.c_str());
  if (problems.empty()) std::printf("nothing is wrong\n");
  return problems.empty() ? 0 : 1;
}

}  // namespace tare::commands
