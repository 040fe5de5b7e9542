#include "store/copy_contents.h"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"

namespace tare::store {
namespace {

// How much is copied between two reports of progress.
constexpr std::uint64_t most_at_once = 16 << 20;
// Below this a read and a write are quicker than copy_file_range(2), which sets up a pipe to splice through.
constexpr std::uint64_t small = 64 << 10;

/// From `begin` on, where data starts, or a hole; the end of the file counts as both. A file system that
/// does not know answers EINVAL and has no holes.
std::uint64_t seek(sys::Fd file, std::uint64_t begin, int what, std::uint64_t size) {
  const off_t at = ::lseek(file.number(), static_cast<off_t>(begin), what);
  if (at >= 0) return std::min(static_cast<std::uint64_t>(at), size);
  if (errno == ENXIO) return size;
  if (errno == EINVAL) return what == SEEK_DATA ? begin : size;
  throw system_error("cannot find its holes");
}

}  // namespace

void ContentsCopy::copy(sys::Fd from, sys::Fd to, std::uint64_t size) {
  if (size == 0) return;
  if (try_clone(from, to)) return count(size);
  std::uint64_t end = 0;
  for (;;) {
    const std::uint64_t begin = seek(from, end, SEEK_DATA, size);
    if (begin == size) break;
    end = seek(from, begin, SEEK_HOLE, size);
    copy_range(from, to, begin, end);
    if (end == size) return;
  }
  if (::ftruncate(to.number(), static_cast<off_t>(size)) != 0) throw system_error("cannot set its size");
}

bool ContentsCopy::try_clone(sys::Fd from, sys::Fd to) {
  if (!can_clone_) return false;
  if (::ioctl(to.number(), FICLONE, from.number()) == 0) return true;
  // Any other errno is about this file alone; copying it then says what is wrong, if anything is.
  can_clone_ = errno != EOPNOTSUPP && errno != ENOTTY && errno != EXDEV && errno != ENOSYS;
  return false;
}

void ContentsCopy::copy_range(sys::Fd from, sys::Fd to, std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    const std::uint64_t n = copy_some(from, to, begin, std::min(end - begin, most_at_once));
    if (n == 0) throw Error(ErrorKind::conflict, "it became shorter while it was copied");
    begin += n;
    count(n);
  }
}

std::uint64_t ContentsCopy::copy_some(sys::Fd from, sys::Fd to, std::uint64_t at, std::uint64_t size) {
  off_t in = static_cast<off_t>(at), out = in;
  if (can_copy_in_kernel_ && size > small) {
    const ssize_t n = ::copy_file_range(from.number(), &in, to.number(), &out, size, 0);
    if (n > 0) return static_cast<std::uint64_t>(n);
    // EXDEV: between two file systems, before Linux 5.19.
    can_copy_in_kernel_ = n == 0 || (errno != EXDEV && errno != ENOSYS && errno != EOPNOTSUPP);
    if (n < 0 && can_copy_in_kernel_ && errno != EINVAL && errno != EPERM && errno != ETXTBSY)
      throw system_error("cannot copy its contents");
  }
  char buffer[small];
  const ssize_t n = ::pread(from.number(), buffer, std::min<std::uint64_t>(size, small), in);
  if (n < 0) throw system_error("cannot read");
  ssize_t done = 0;
  while (done < n) {
    const ssize_t written =
        ::pwrite(to.number(), buffer + done, static_cast<std::size_t>(n - done), out + done);
    if (written < 0) throw system_error("cannot write");
    done += written;
  }
  return static_cast<std::uint64_t>(n);
}

void ContentsCopy::count(std::uint64_t bytes) {
  copied_ += bytes;
  if (progress_) progress_(copied_);
}

}  // namespace tare::store
