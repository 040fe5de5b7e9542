// A fork that confines itself, does one thing, and says how that ended.
#pragma once

#include <csignal>
#include <functional>
#include <string>

#include "sys/unique_fd.h"

namespace tare::image {

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

struct ConfinedProcess {
  std::string_view name;  ///< in errors: "the unpacking process"
  /// In the process, which it confines (archive/confine.h); `answer` is to stay open. What it returns is the
  /// result, which has at most 16 KiB.
  std::function<std::string(sys::Fd answer)> work;
  /// In the caller's process, which may do what the other one cannot: takes the open files that `work` sends
  /// over `answer` (sys::try_send_descriptor), each when it comes.
  std::function<void(sys::Fd file)> take_file = {};
  /// About ten times a second, by run_confined().
  std::function<void()> tick = {};
};

/// Such a process while it is at work; killed with this object. The calling process must have one thread.
class RunningProcess {
 public:
  RunningProcess(ConfinedProcess process, const HeldSignals& held);
  ~RunningProcess();
  RunningProcess(const RunningProcess&) = delete;
  RunningProcess& operator=(const RunningProcess&) = delete;

  /// Readable when receive() has something to do.
  sys::Fd answer() const { return answer_; }
  /// Does what the process asks for; true: it asks for nothing more, and result() is to be called.
  bool receive();
  /// Throws what the process threw, with its trail.
  std::string result();

 private:
  int wait();

  ConfinedProcess process_;
  sys::UniqueFd answer_;
  pid_t pid_ = -1;
  std::string words_;
};

/// Starts it and waits for its result. Throws what it threw, with its trail. When one of the signals held
/// comes, it is killed and Error{system, EINTR} thrown. The calling process must have one thread.
std::string run_confined(const ConfinedProcess& process, const HeldSignals& held);

}  // namespace tare::image
