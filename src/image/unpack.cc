#include "image/unpack.h"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "image/worker.h"
#include "sys/file.h"

namespace tare::image {
namespace {

struct Source {
  sys::UniqueFd fd;
  struct stat status{};
  timespec opened_at{};
  bool is_file = false;

  /// Whether a file is still what it was when it was opened.
  bool unchanged() const {
    struct stat now;
    return ::fstat(fd.number(), &now) == 0 && now.st_size == status.st_size &&
           now.st_mtim.tv_sec == status.st_mtim.tv_sec && now.st_mtim.tv_nsec == status.st_mtim.tv_nsec &&
           now.st_ctim.tv_sec == status.st_ctim.tv_sec && now.st_ctim.tv_nsec == status.st_ctim.tv_nsec;
  }
};

Source open_source(const std::string& path) {
  Source source;
  ::clock_gettime(CLOCK_REALTIME, &source.opened_at);
  const bool standard_input = path == "-";
  source.fd = standard_input ? sys::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3))
                             : sys::try_open_at(sys::here, path, O_RDONLY | O_NOCTTY);
  if (!source.fd && errno == ENOENT) throw Error(ErrorKind::not_found, "no such file");
  if (!source.fd || ::fstat(source.fd.number(), &source.status) != 0) throw system_error("cannot open it");
  if (S_ISDIR(source.status.st_mode)) throw Error(ErrorKind::invalid, "a directory, not a tar archive");
  // What stands on the standard input may have been read in part: it is a stream.
  source.is_file = S_ISREG(source.status.st_mode) && !standard_input;
  return source;
}

struct Made {
  store::LayerId layer;
  store::TarballId tarball;
};

Made unpack_and_publish(const UnpackOptions& options, const Source& source) {
  archive::Limits limits = options.limits;
  limits.whiteouts =
      options.kind == store::LayerKind::overlay ? archive::Whiteouts::overlay : archive::Whiteouts::ordinary;
  const HeldSignals held;
  store::Staging staging(options.root);
  const Unpacked unpacked = unpack_confined(source.fd, source.is_file ? source.status.st_size : 0,
                                            staging.tree(), limits, held, options.progress);
  const store::LayerId layer(unpacked.layer.value);
  store::publish(options.root, std::move(staging), layer, options.kind);
  return {.layer = layer, .tarball = store::TarballId(unpacked.tarball.value)};
}

store::LayerId find_or_unpack(const UnpackOptions& options) {
  const Source source = open_source(options.source);
  if (options.kind == store::LayerKind::overlay) {
    store::collect_staging(options.root);
    return unpack_and_publish(options, source).layer;
  }
  if (source.is_file)
    if (auto layer = store::find_by_file(options.root, source.status)) return *layer;

  store::collect_staging(options.root);
  const auto remember = [&](const store::LayerId& layer) {
    if (source.is_file && source.unchanged())
      store::remember_file(options.root, source.status, source.opened_at, layer);
    return layer;
  };
  if (source.is_file) {
    const auto digest = hash_file(source.fd, source.status.st_size, options.progress);
    if (auto layer = store::find_by_tarball(options.root, store::TarballId(digest.value)))
      return remember(*layer);
    if (::lseek(source.fd.number(), 0, SEEK_SET) != 0) throw system_error("cannot read it again");
  }
  // The file may have changed since: the digests of the bytes that were unpacked are those that count.
  const Made made = unpack_and_publish(options, source);
  store::remember_tarball(options.root, made.tarball, made.layer);
  return remember(made.layer);
}

}  // namespace

store::LayerId unpack_tarball(const UnpackOptions& options) {
  const std::string shown = options.source == "-" ? "the standard input" : options.source;
  Step step("unpack", shown);
  try {
    return find_or_unpack(options);
  } catch (const Error& error) {
    if (error.error_number() != ENOSPC && error.error_number() != EDQUOT) throw;
    const std::string hint = error.hint().empty() ? "" : error.hint() + "; ";
    throw Error(error.kind(), error.text(), error.error_number(),
                hint + format("the store is {}", options.root.value));
  }
}

}  // namespace tare::image
