// Where an archive goes: what a path names, a new file for it that has no name yet, or standard output.
#pragma once

#include <optional>
#include <string>

#include "sys/unique_fd.h"

namespace tare::image {

/// A file appears when it is finished, whole, in the place of one that was there; a FIFO or a device is
/// written to. Nothing is left of one that is given up.
class OutputFile {
 public:
  /// Without a path: standard output. Throws Error naming the path.
  explicit OutputFile(const std::optional<std::string>& path);

  sys::Fd fd() const;
  /// All is written: it gets its name.
  void finish();

 private:
  std::string path_;
  sys::UniqueFd file_;
  bool is_nameless_ = false;
};

}  // namespace tare::image
