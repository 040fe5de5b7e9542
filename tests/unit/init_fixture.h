// For tests of tare-init's operations: a list made by hand, and a child process in namespaces of its own to
// perform it in.
#pragma once

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "init/interpreter.h"
#include "plan/operations.h"

namespace tare::init {

/// Does `act` in a forked child; its expectations count as the test's. Mounts are private there.
inline void in_child(int namespaces, const std::function<void()>& act) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    EXPECT_EQ(::unshare(namespaces), 0) << "needs root";
    const bool has_mounts = namespaces & CLONE_NEWNS;
    EXPECT_TRUE(!has_mounts || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    if (!testing::Test::HasFailure()) act();
    std::fflush(nullptr);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << "in the child";
}

/// A list with slots, as tare-init finds it mapped; on the heap, so that a sanitizer sees who leaves it.
class Operations {
 public:
  explicit Operations(std::uint32_t slot_count = 8) : slots_(new std::int32_t[slot_count]) {
    for (std::uint32_t i = 0; i < slot_count; i++) slots_[i] = -1;
    list_->magic = plan::list_magic;
    list_->sync_socket = -1;
    list_->slot_count = slot_count;
    list_->slots = slots_.get();
    context_.list = list_.get();
  }
  long perform(const plan::Operation& operation) { return init::perform(context_, operation); }
  std::int32_t& slot(std::int32_t number) { return slots_[static_cast<std::size_t>(number)]; }
  plan::List& list() { return *list_; }
  Context& context() { return context_; }

 private:
  std::unique_ptr<plan::List> list_ = std::make_unique<plan::List>();
  std::unique_ptr<std::int32_t[]> slots_;
  Context context_{};
};

/// Operations on a root of their own: an empty tmpfs at /tmp/root, inside a tmpfs at /tmp that only the
/// calling child sees (in_child with CLONE_NEWNS). Slot 0 is the root.
class RootedOperations : public Operations {
 public:
  static constexpr const char* root = "/tmp/root";

  RootedOperations() {
    EXPECT_EQ(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr), 0);
    EXPECT_EQ(::mkdir(root, 0755), 0);
    EXPECT_EQ(::mount("tmpfs", root, "tmpfs", 0, "mode=755"), 0);
    slot(0) = ::open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    EXPECT_GE(slot(0), 0);
  }
};

inline std::string in_root(const std::string& path) { return RootedOperations::root + path; }

inline bool exists(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0;
}

inline void write_text(const std::string& path, const std::string& text, mode_t mode = 0644) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  EXPECT_GE(fd, 0) << path;
  EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(fd);
}

inline std::string text_of(const std::string& path) {
  std::string text(4096, '\0');
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0) << path;
  const ssize_t n = ::read(fd, text.data(), text.size());
  ::close(fd);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

}  // namespace tare::init
