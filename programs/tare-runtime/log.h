// Where tare-runtime tells errors: the log that a caller asked for, and standard error.
#pragma once

#include <exception>

#include "cli/option_table.h"
#include "sys/unique_fd.h"

namespace tare {

/// `--log`, `--log-format`. Engines take the last object of a JSON log for the reason of a failure, or expect
/// only one; so there is one for each error, and none for anything else.
class Log {
 public:
  Log() = default;
  explicit Log(const cli::Parsed& globals);

  /// To the log, and in plain words to standard error, which engines search for words, too.
  void tell(const std::exception& error) const;

 private:
  sys::UniqueFd file_;
  bool json_ = false;
};

}  // namespace tare
