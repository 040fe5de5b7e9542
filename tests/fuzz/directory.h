// A directory that a harness works in, and that is gone with it.
#pragma once

#include <cstdlib>
#include <string>

#include "sys/file.h"

namespace tare {

class WorkDirectory {
 public:
  WorkDirectory() {
    char name[] = "/tmp/tare-fuzz-XXXXXX";
    if (!::mkdtemp(name)) std::abort();
    path_ = name;
    fd_ = sys::open_at(sys::here, path_, O_PATH | O_DIRECTORY);
  }
  ~WorkDirectory() { sys::remove_tree(sys::here, path_); }
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  const std::string& path() const { return path_; }
  sys::Fd fd() const { return fd_; }

 private:
  std::string path_;
  sys::UniqueFd fd_;
};

}  // namespace tare
