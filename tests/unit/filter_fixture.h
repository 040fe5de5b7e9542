// Seccomp programs in tests: interpreted, and loaded into a child for one call.
#pragma once

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tare::runtime {

/// What the kernel would make of a call. Knows the instructions that tare and libseccomp write.
inline std::uint32_t interpret(const std::vector<std::uint64_t>& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t i = 0; i < program.size(); i++) {
    const auto one = std::bit_cast<sock_filter>(program[i]);
    const auto jump = [&](bool holds) { i += holds ? one.jt : one.jf; };
    switch (one.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + one.k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= one.k; break;
      case BPF_JMP | BPF_JA: i += one.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == one.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > one.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= one.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: jump((accumulator & one.k) != 0); break;
      case BPF_RET | BPF_K: return one.k;
      default: ADD_FAILURE() << "unknown instruction " << one.code << " at " << i; return 0;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

constexpr std::uint32_t refusal(int error_number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
}

/// Whether the kernel takes it.
inline bool load(const std::vector<std::uint64_t>& instructions, unsigned flags = 0) {
  const sock_fprog program{static_cast<unsigned short>(instructions.size()),
                           reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(instructions.data()))};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

/// Runs `call` in a child under the filter; the result is its errno, 0, or -signal.
template <typename Call>
int error_under(const std::vector<std::uint64_t>& filter, Call call) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!load(filter)) ::_exit(255);
    const long result = call();
    const int error = result < 0 ? errno : 0;
    ::_exit(error);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace tare::runtime
