// What a container can reach of tare-init through /proc cannot be changed (CVE-2019-5736).
#include "runtime/init_image.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tare::runtime {
namespace {

int error_of(long result) { return result < 0 ? errno : 0; }

/// A process that was stopped the moment it became the image, before its first instruction.
class Stopped {
 public:
  explicit Stopped(sys::Fd image) : pid_(::fork()) {
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      char name[] = "tare-init";
      char* const arguments[] = {name, nullptr};
      char* const environment[] = {nullptr};
      ::syscall(SYS_execveat, image.number(), "", arguments, environment, AT_EMPTY_PATH);
      ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSTOPPED(status)) << "not executed: " << status;
  }
  ~Stopped() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  std::string executable() const { return "/proc/" + std::to_string(pid_) + "/exe"; }

 private:
  pid_t pid_;
};

/// No way that names the file, `path`, leads to writing it.
void expect_unwritable(const std::string& path) {
  EXPECT_LT(::open(path.c_str(), O_WRONLY | O_CLOEXEC), 0) << path;
  EXPECT_LT(::open(path.c_str(), O_RDWR | O_CLOEXEC), 0) << path;
  EXPECT_LT(::open(path.c_str(), O_RDONLY | O_TRUNC | O_CLOEXEC), 0) << path;
  EXPECT_LT(::truncate(path.c_str(), 0), 0) << path;
  EXPECT_LT(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr), 0) << path;
  EXPECT_LT(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT, nullptr), 0) << path;
  mount_attr writable{};
  writable.attr_clr = MOUNT_ATTR_RDONLY;
  EXPECT_LT(::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), 0, &writable, sizeof writable), 0) << path;
}

TEST(InitImage, IsAMemoryFileSealedAgainstEveryChange) {
  const sys::UniqueFd image = try_sealed_memory_file();
  ASSERT_TRUE(image) << "memory files may not be executed here";
  EXPECT_EQ(error_of(::pwrite(image.number(), "x", 1, 0)), EPERM);
  EXPECT_EQ(error_of(::ftruncate(image.number(), 0)), EPERM);
  EXPECT_EQ(error_of(::ftruncate(image.number(), 1 << 20)), EPERM);
  EXPECT_EQ(error_of(::fallocate(image.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)),
            EPERM);
  EXPECT_EQ(error_of(::fcntl(image.number(), F_ADD_SEALS, F_SEAL_WRITE)), EPERM)
      << "no seal can be added, either";
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, image.number(), 0), MAP_FAILED);
  void* readable = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, image.number(), 0);
  if (readable != MAP_FAILED) {
    EXPECT_NE(::mprotect(readable, 4096, PROT_READ | PROT_WRITE), 0);
    ::munmap(readable, 4096);
  }
  constexpr int exec_seal = 0x20;
  if (::fcntl(image.number(), F_GET_SEALS) & exec_seal) {
    EXPECT_EQ(error_of(::fchmod(image.number(), 0666)), EPERM);
  }
}

TEST(InitImage, CannotBeWrittenByWayOfTheProcessThatRunsIt) {
  const sys::UniqueFd image = try_sealed_memory_file();
  ASSERT_TRUE(image);
  const Stopped process(image);
  EXPECT_LT(::open(process.executable().c_str(), O_WRONLY | O_CLOEXEC), 0);
  EXPECT_LT(::truncate(process.executable().c_str(), 0), 0);
}

TEST(InitImage, HiddenInAFileSystemCannotBeWrittenThroughProc) {
  const sys::UniqueFd image = make_hidden_file();
  expect_unwritable("/proc/self/fd/" + std::to_string(image.number()));
  const Stopped process(image);
  expect_unwritable(process.executable());
}

TEST(InitImage, HiddenHasNoNeighboursAndNoMountToTake) {
  const sys::UniqueFd image = make_hidden_file();
  const std::string path = "/proc/self/fd/" + std::to_string(image.number());
  EXPECT_LT(::openat(image.number(), "..", O_PATH | O_CLOEXEC), 0);
  const long clone = ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  EXPECT_LT(clone, 0) << "a clone of its mount could be made writable";
  mount_attr writable{};
  writable.attr_clr = MOUNT_ATTR_RDONLY;
  EXPECT_LT(::syscall(SYS_mount_setattr, image.number(), "", AT_EMPTY_PATH, &writable, sizeof writable), 0);
  EXPECT_LT(::fchmodat(AT_FDCWD, path.c_str(), 0777, 0), 0);
}

TEST(InitImage, RefusesToRunWithoutItsList) {
  for (const bool hidden : {false, true}) {
    const sys::UniqueFd image = hidden ? make_hidden_file() : try_sealed_memory_file();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close_range(3, static_cast<unsigned>(image.number()) - 1, 0);
      char name[] = "tare-init";
      char* const arguments[] = {name, nullptr};
      char* const environment[] = {nullptr};
      ::syscall(SYS_execveat, image.number(), "", arguments, environment, AT_EMPTY_PATH);
      ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 255);
  }
}

}  // namespace
}  // namespace tare::runtime
