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
#include "store/merged.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::image {
namespace {

/// Where the archive goes: what a path names, a new file for it that has no name yet, or standard output.
class Output {
 public:
  explicit Output(const std::optional<std::string>& path) {
    if (!path) return;
    path_ = *path;
    Step step("write", path_);
    const auto status = sys::try_status(sys::here, path_);
    if (status && S_ISDIR(status->st_mode)) throw system_error(EISDIR, "cannot open it");
    if (status && !S_ISREG(status->st_mode)) {  // a FIFO, /dev/null
      file_ = sys::open_at(sys::here, path_, O_WRONLY | O_NOCTTY);
      return;
    }
    const auto slash = path_.find_last_of('/');
    const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    file_ = sys::try_open_at(sys::here, directory, O_WRONLY | O_TMPFILE, 0600);
    is_nameless_ = file_.valid();
    if (!file_ && errno != EOPNOTSUPP && errno != EISDIR) throw system_error("cannot write there");
    if (!file_) file_ = sys::open_at(sys::here, path_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }

  sys::Fd fd() const { return file_ ? file_ : sys::Fd(STDOUT_FILENO); }

  /// All is written: it gets its name.
  void finish() {
    if (!is_nameless_) return;
    Step step("write", path_);
    const std::string now = format("/proc/self/fd/{}", file_.number());
    if (::linkat(AT_FDCWD, now.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) return;
    if (errno != EEXIST) throw system_error("cannot give the file its name");
    // No call puts a nameless file in another one's place.
    const std::string beside = format("{}.{}", path_, ::getpid());
    if (::linkat(AT_FDCWD, now.c_str(), AT_FDCWD, beside.c_str(), AT_SYMLINK_FOLLOW) != 0 ||
        ::rename(beside.c_str(), path_.c_str()) != 0) {
      const int why = errno;
      ::unlink(beside.c_str());
      throw system_error(why, "cannot replace the file");
    }
  }

 private:
  std::string path_;
  sys::UniqueFd file_;
  bool is_nameless_ = false;
};

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
  Output output(options.output);
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
