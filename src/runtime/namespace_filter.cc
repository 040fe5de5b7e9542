#include "runtime/namespace_filter.h"

#include <bit>
#include <cerrno>
#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>

namespace tare::runtime {
namespace {

// The calls' numbers in an ABI that this kernel may offer.
struct Abi {
  std::uint32_t audit, clone, unshare, clone3;
};

#if defined(__x86_64__)
constexpr Abi abis[] = {{AUDIT_ARCH_X86_64, SYS_clone, SYS_unshare, SYS_clone3},
                        {AUDIT_ARCH_I386, 120, 310, 435}};
constexpr std::uint32_t x32_bit = 0x40000000;  // x32 calls are x86-64's numbers with this bit
#elif defined(__aarch64__)
constexpr Abi abis[] = {{AUDIT_ARCH_AARCH64, SYS_clone, SYS_unshare, SYS_clone3},
                        {AUDIT_ARCH_ARM, 120, 337, 435}};
constexpr std::uint32_t x32_bit = 0;
#endif

constexpr std::uint32_t refuse(int error_number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
}

}  // namespace

std::vector<std::uint64_t> make_namespace_filter() {
  std::vector<std::uint64_t> program;
  const auto add = [&](std::uint16_t code, std::uint32_t k, std::uint8_t if_true = 0,
                       std::uint8_t if_false = 0) {
    program.push_back(std::bit_cast<std::uint64_t>(sock_filter{code, if_true, if_false, k}));
  };
  for (const Abi& abi : abis) {
    constexpr std::uint8_t rest_of_block = 11;
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, abi.audit, 0, rest_of_block);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    add(BPF_ALU | BPF_AND | BPF_K, ~x32_bit);
    add(BPF_JMP | BPF_JEQ | BPF_K, abi.clone3, 0, 1);
    add(BPF_RET | BPF_K, refuse(ENOSYS));
    add(BPF_JMP | BPF_JEQ | BPF_K, abi.clone, 2, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, abi.unshare, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args));  // the low half of the flags
    add(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1);
    add(BPF_RET | BPF_K, refuse(EPERM));
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return program;
}

}  // namespace tare::runtime
