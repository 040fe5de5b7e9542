// The process that unpacks: confined, it reads one descriptor and writes one directory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "archive/apply.h"
#include "image/confined_process.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace tare::image {

/// Bytes read so far, and of how many (0: not known).
using ProgressReport = std::function<void(Bytes done, Bytes total)>;

struct Unpacked {
  oci::Digest tarball;  ///< of the bytes as they came
  oci::Digest layer;    ///< of the tar inside
  Bytes size = 0;       ///< of the tar inside
};

/// A process that unpacks `source` into `tree`; killed with this object unless it has ended.
///
/// Of a layer's marks (Whiteouts::overlay) one needs CAP_SYS_ADMIN: trusted.overlay.opaque. With it the
/// worker could do anything, so it sends each such directory, open, to the caller's process, which sets the
/// mark. No name is resolved there again, and nothing has to be remembered; a worker gone astray can have
/// marked what it has been able to open, which is a directory of its tree. The calling process must have one
/// thread.
class UnpackWorker {
 public:
  UnpackWorker(sys::Fd source, sys::Fd tree, const archive::Limits& limits, const HeldSignals& held);
  ~UnpackWorker();
  UnpackWorker(UnpackWorker&& other) noexcept;
  UnpackWorker& operator=(UnpackWorker&&) = delete;

  /// Readable when receive() has something to do.
  sys::Fd answer() const;
  /// Does what the worker asks for; true: it asks for nothing more, and result() is to be called.
  bool receive();
  Bytes bytes_read() const;
  /// Throws what the worker threw, with its trail.
  Unpacked result();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

/// By one worker, and waits for it. When one of the signals held comes, it is killed and Error{system, EINTR}
/// thrown.
Unpacked unpack_confined(sys::Fd source, Bytes total, sys::Fd tree, const archive::Limits& limits,
                         const HeldSignals& held, const ProgressReport& report);

/// SHA-256 of a file, reported on alike.
oci::Digest hash_file(sys::Fd file, Bytes total, const ProgressReport& report);

}  // namespace tare::image
