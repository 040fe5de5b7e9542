// The process that unpacks: a fork that confines itself, reads one descriptor and writes one directory.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "archive/apply.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace tare::image {

/// Bytes read so far, and of how many (0: not known).
using ProgressReport = std::function<void(Bytes done, Bytes total)>;

/// While it lives, SIGINT, SIGTERM and SIGHUP wait (but not those that are ignored); they do their work at
/// its end, when what was declared after it is cleaned up.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  /// Readable once one of them has come.
  sys::Fd arrival() const { return arrival_; }
  void restore() const;

 private:
  sigset_t before_;
  sys::UniqueFd arrival_;
};

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
  sys::Fd answer() const { return answer_; }
  /// Does what the worker asks for; true: it asks for nothing more, and result() is to be called.
  bool receive();
  Bytes bytes_read() const;
  /// Throws what the worker threw, with its trail.
  Unpacked result();

 private:
  int wait();

  class Counter;
  std::unique_ptr<Counter> counter_;
  sys::Fd tree_;
  sys::UniqueFd answer_;
  pid_t pid_ = -1;
  std::string words_;
};

/// By one worker, and waits for it. When one of the signals held comes, it is killed and Error{system, EINTR}
/// thrown.
Unpacked unpack_confined(sys::Fd source, Bytes total, sys::Fd tree, const archive::Limits& limits,
                         const HeldSignals& held, const ProgressReport& report);

/// SHA-256 of a file, reported on alike.
oci::Digest hash_file(sys::Fd file, Bytes total, const ProgressReport& report);

}  // namespace tare::image
