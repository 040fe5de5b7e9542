// Registries on loopback for tests: one that misbehaves (tests/registry/fake_registry.py), and Debian's.
#pragma once

#include <csignal>
#include <cstdio>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "registry/client.h"
#include "sys/file.h"
#include "temporary_directory.h"

extern char** environ;

namespace tare {

/// A program that lives as long as this, with pipes to its standard input and from its standard output and
/// error output.
class RunningProgram {
 public:
  explicit RunningProgram(std::vector<std::string> words) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
    input_ = sys::UniqueFd(in[1]);
    output_ = sys::UniqueFd(out[0]);
    const sys::UniqueFd read(in[0]), write(out[1]);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, read.number(), 0);
    ::posix_spawn_file_actions_adddup2(&files, write.number(), 1);
    ::posix_spawn_file_actions_adddup2(&files, write.number(), 2);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    EXPECT_EQ(::posix_spawnp(&pid_, arguments[0], &files, nullptr, arguments.data(), environ), 0) << words[0];
    ::posix_spawn_file_actions_destroy(&files);
  }
  ~RunningProgram() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  /// What it says until then, or until ten seconds are over.
  std::string read_until(std::string_view words) {
    std::string text;
    pollfd waited{.fd = output_.number(), .events = POLLIN, .revents = 0};
    while (!text.contains(words) && ::poll(&waited, 1, 10'000) > 0) {
      char buffer[4096];
      const ssize_t count = ::read(output_.number(), buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  pid_t pid_ = -1;
  sys::UniqueFd input_, output_;
};

/// An authority and a certificate of 127.0.0.1 that it has signed: ca.crt, server.crt, server.key.
inline void make_certificates(const TemporaryDirectory& directory) {
  directory.put(
      "make",
      "set -e\n"
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority "
      "-keyout ca.key -out ca.crt\n"
      "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 -keyout "
      "server.key -out server.csr\n"
      "echo subjectAltName=IP:127.0.0.1 >names\n"
      "openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names "
      "-out server.crt\n");
  const std::string command = format("cd {} && sh make >make.log 2>&1", directory.path());
  ASSERT_EQ(std::system(command.c_str()), 0) << sys::read_file(directory.fd(), "make.log");
}

/// How a test waits: not long.
inline registry::Patience short_patience() {
  return {.connect = std::chrono::seconds(5),
          .stall = std::chrono::seconds(1),
          .tries = 3,
          .first_pause = std::chrono::milliseconds(5),
          .longest_pause = std::chrono::seconds(3)};
}

/// The line of an Error that is thrown meanwhile; "none".
template <typename Action>
std::string line_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace tare
