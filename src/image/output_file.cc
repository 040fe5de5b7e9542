#include "image/output_file.h"

#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"

namespace tare::image {

OutputFile::OutputFile(const std::optional<std::string>& path) {
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

sys::Fd OutputFile::fd() const { return file_ ? file_ : sys::Fd(STDOUT_FILENO); }

void OutputFile::finish() {
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

}  // namespace tare::image
