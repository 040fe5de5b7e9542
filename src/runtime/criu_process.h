// criu(8) while it carries out an order: started as `criu swrk`, spoken to by a socket that it inherits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::runtime {

/// Where this process blocks signals, criu does. It needs nobody to save; to restore it needs answers, and
/// where nobody is left to give them, ends what it has made.
class CriuProcess {
 public:
  /// It gets `given` by the numbers that they have here. Throws Error{system}.
  explicit CriuProcess(const std::vector<sys::Fd>& given);
  CriuProcess(const CriuProcess&) = delete;
  CriuProcess& operator=(const CriuProcess&) = delete;
  ~CriuProcess();

  /// Where it is gone, receive() says so.
  void send(std::string_view message) const noexcept;

  struct Message {
    std::string text;
    sys::UniqueFd file;
  };
  /// nullopt: it has ended.
  std::optional<Message> receive() const;

  /// Its wait status. One that still waits for an answer fails.
  int end() noexcept;

 private:
  bool wait_for_message() const;

  pid_t pid_ = 0;
  sys::UniqueFd socket_, process_;
};

}  // namespace tare::runtime
