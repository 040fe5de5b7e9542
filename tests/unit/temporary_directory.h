// A directory of a test's own, gone with it.
#pragma once

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "sys/file.h"

namespace tare {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char path[] = "/tmp/tare-test-XXXXXX";
    EXPECT_NE(::mkdtemp(path), nullptr);
    path_ = path;
    fd_ = sys::open_at(sys::here, path_, O_RDONLY | O_DIRECTORY);
  }
  ~TemporaryDirectory() { sys::remove_tree(sys::here, path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  sys::Fd fd() const { return fd_; }
  /// A file with its parent directories.
  void put(const std::string& name, std::string_view text, mode_t mode = 0644) const {
    if (const auto slash = name.rfind('/'); slash != std::string::npos)
      sys::make_directories(fd_, name.substr(0, slash));
    sys::replace_file(fd_, name, text, mode);
  }

 private:
  std::string path_;
  sys::UniqueFd fd_;
};

}  // namespace tare
