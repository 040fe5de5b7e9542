#include "image/export.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/confine.h"
#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/format.h"
#include "image/output_file.h"
#include "store/merged.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::image {
namespace {

[[noreturn]] void write_confined(sys::Fd root, sys::Fd output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  int code = 0;
  try {
    archive::confine_to_reading(root, {output});
    archive::write_tar(root, output);
  } catch (const std::exception& error) {
    const std::string line = std::string("tare: ") + error.what() + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    code = exit_code(ErrorKind::system);
  }
  ::_exit(code);
}

}  // namespace

void export_tarball(const ExportOptions& options) {
  OutputFile output(options.output);
  const sys::UniqueFd root = store::open_merged(options.layers, options.marks);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot start the process that reads");
  if (pid == 0) write_confined(root, output.fd(), parent);
  const int status = sys::reap(pid);
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system,
                format("the process that reads was killed by signal {}", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) throw Reported{WEXITSTATUS(status)};
  output.finish();
}

}  // namespace tare::image
