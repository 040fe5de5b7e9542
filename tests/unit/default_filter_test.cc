// The default policy: what its table says, call by call, and what the program does, in an interpreter for
// every call and every capability, and on the kernel for some.
#include "runtime/default_filter.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <linux/audit.h>
#include <linux/sched.h>
#include <map>
#include <sched.h>
#include <seccomp.h>
#include <string>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "filter_fixture.h"
#include "runtime/newer_calls.h"

namespace tare::runtime {
namespace {

struct Kind {
  Abi abi;
  std::uint32_t scmp_architecture, architecture, first;
};
#if defined(__x86_64__)
constexpr Kind kinds[] = {{x86_64, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0},
                          {x32, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, x32_bit},
                          {i386, SCMP_ARCH_X86, AUDIT_ARCH_I386, 0}};
#else
constexpr Kind kinds[] = {{aarch64, SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0},
                          {arm, SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0}};
#endif
constexpr std::uint32_t highest = 600;

std::string name_of(const Kind& kind, std::uint32_t number) {
  for (const auto& call : newer_calls)
    if (call.number == number && (!call.on_x86_64_only || kind.abi == x86_64)) return std::string(call.name);
  char* text =
      ::seccomp_syscall_resolve_num_arch(kind.scmp_architecture, static_cast<int>(kind.first | number));
  const std::string name = text ? text : "";
  std::free(text);
  return name;
}

bool names(const PolicyRule& rule, const std::string& name) {
  return !name.empty() && (" " + std::string(rule.names) + " ").find(" " + name + " ") != std::string::npos;
}

std::vector<const PolicyRule*> rules_about(const Kind& kind, std::uint32_t number) {
  std::vector<const PolicyRule*> found;
  const std::string name = name_of(kind, number);
  for (const auto& rule : default_policy())
    if ((rule.abis & kind.abi) && names(rule, name)) found.push_back(&rule);
  return found;
}

std::uint32_t judge(const std::vector<const PolicyRule*>& rules, std::uint64_t capabilities,
                    std::uint64_t argument) {
  std::uint32_t refused = refusal(EPERM);
  for (const PolicyRule* rule : rules) {
    if (rule->capabilities && !(rule->capabilities & capabilities)) {
      if (rule->refusal != EPERM) refused = refusal(rule->refusal);
      continue;
    }
    if (rule->any_of.empty()) return SECCOMP_RET_ALLOW;
    for (const auto& test : rule->any_of)
      if ((argument & test.mask) >= test.low && (argument & test.mask) <= test.high) return SECCOMP_RET_ALLOW;
  }
  return refused;
}

std::vector<std::uint64_t> interesting_arguments() {
  std::vector<std::uint64_t> arguments = {
      0,         1,       CLONE_NEWUSER, CLONE_NEWNS,  CLONE_THREAD,
      0x80,      SIGCHLD, 0x1'00000000,  0x1'00000002, 0xffffffff'ffffffff,
      0xffffffff};
  for (const auto& rule : default_policy())
    for (const auto& test : rule.any_of)
      for (const std::uint64_t edge : {test.low - 1, test.low, test.high, test.high + 1})
        arguments.push_back(edge);
  std::ranges::sort(arguments);
  arguments.erase(std::unique(arguments.begin(), arguments.end()), arguments.end());
  return arguments;
}

std::vector<std::uint64_t> interesting_capabilities() {
  std::vector<std::uint64_t> sets = {0, usual_capabilities, ~std::uint64_t{0}};
  for (int capability = 0; capability < 64; capability++)
    if (const auto bit = std::uint64_t{1} << capability; capabilities_of_policy() & bit) {
      sets.push_back(bit);
      sets.push_back(usual_capabilities | bit);
    }
  return sets;
}

TEST(DefaultFilter, DoesWhatTheTableSaysForEveryCallAbiCapabilityAndArgument) {
  const auto arguments = interesting_arguments();
  std::map<std::pair<Abi, std::uint32_t>, std::vector<const PolicyRule*>> rules;
  std::map<Abi, std::uint32_t> newest;
  for (const Kind& kind : kinds)
    for (std::uint32_t number = 0; number <= highest; number++) {
      rules[{kind.abi, number}] = rules_about(kind, number);
      if (!rules[{kind.abi, number}].empty()) newest[kind.abi] = number;
    }
  for (const std::uint64_t capabilities : interesting_capabilities()) {
    const auto program = default_filter(capabilities);
    for (const Kind& kind : kinds)
      for (std::uint32_t number = 0; number <= highest; number++)
        for (const std::uint64_t argument : arguments) {
          seccomp_data data{};
          data.arch = kind.architecture;
          data.nr = static_cast<int>(kind.first | number);
          data.args[0] = argument;
          const std::uint32_t expected = number > newest[kind.abi]
                                             ? refusal(ENOSYS)
                                             : judge(rules[{kind.abi, number}], capabilities, argument);
          ASSERT_EQ(interpret(program, data), expected)
              << name_of(kind, number) << " (" << number << ", ABI " << kind.abi << ") argument " << std::hex
              << argument << " capabilities " << capabilities;
        }
  }
}

TEST(DefaultFilter, OfTheUsualCapabilitiesIsTheOneThatTheBuildWrote) {
  const auto written = std::vector(usual_filter().begin(), usual_filter().end());
  EXPECT_EQ(default_filter(usual_capabilities), written);
  EXPECT_EQ(emit_filter(make_call_tables(policy_numbers(), usual_capabilities), SECCOMP_RET_KILL_PROCESS),
            written);
  EXPECT_LT(written.size(), 512U);
  EXPECT_NE(default_filter(0), written);
}

TEST(DefaultFilter, KillsCallsOfAForeignArchitecture) {
  seccomp_data data{};
  data.arch = AUDIT_ARCH_S390X;
  EXPECT_EQ(interpret(default_filter(usual_capabilities), data), SECCOMP_RET_KILL_PROCESS);
}

TEST(DefaultFilter, CountsWhatItAllows) {
  const std::size_t usual = count_allowed_calls(usual_capabilities);
  EXPECT_GT(usual, 250U);
  EXPECT_GT(count_allowed_calls(~std::uint64_t{0}), usual + 30);
  EXPECT_EQ(count_allowed_calls(0), usual - 1);  // chroot
}

// On the kernel, as a process that has the capabilities that the filter is not for.
template <typename Call>
int usual(Call call) {
  return error_under(default_filter(usual_capabilities), call);
}
template <typename Call>
int with(int capability, Call call) {
  return error_under(default_filter(usual_capabilities | std::uint64_t{1} << capability), call);
}

TEST(DefaultFilter, RefusesNewNamespacesUnlessTheContainerAdministers) {
  EXPECT_EQ(usual([] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_unshare, 0); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(with(CAP_SYS_ADMIN, [] { return ::syscall(SYS_unshare, CLONE_NEWUTS); }), 0);
}

TEST(DefaultFilter, SaysThatClone3IsNotThereSoThatLibrariesUseClone) {
  const auto start = [] {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) ::_exit(0);
    return child < 0 ? child : static_cast<long>(::waitpid(static_cast<pid_t>(child), nullptr, 0));
  };
  EXPECT_EQ(usual(start), ENOSYS);
  EXPECT_EQ(with(CAP_SYS_ADMIN, start), 0);
  EXPECT_EQ(usual([] {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(0);
              return child < 0 ? -1L : static_cast<long>(::waitpid(child, nullptr, 0));
            }),
            0);
}

TEST(DefaultFilter, KeepsKeysMountsProgramsForTheKernelAndOtherFamiliesAway) {
  EXPECT_EQ(usual([] { return ::syscall(SYS_keyctl, 0, -3, 0); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_add_key, "user", "a", "b", 1, -2); }), EPERM);
  EXPECT_EQ(usual([] { return static_cast<long>(::mount("none", "/tmp/", "tmpfs", 0, nullptr)); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_bpf, 9999, nullptr, 0); }), EPERM);
  EXPECT_EQ(with(CAP_BPF, [] { return ::syscall(SYS_bpf, 9999, nullptr, 0); }), EINVAL);
  EXPECT_EQ(usual([] { return ::syscall(SYS_userfaultfd, 1); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }), EPERM);
  EXPECT_EQ(usual([] { return static_cast<long>(::socket(AF_VSOCK, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(usual([] { return ::syscall(SYS_socket, 1ULL << 32 | AF_VSOCK, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(usual([] { return static_cast<long>(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }), EPERM);
  EXPECT_EQ(usual([] { return static_cast<long>(::socket(AF_UNIX, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(usual([] { return static_cast<long>(::socket(AF_NETLINK, SOCK_RAW, 0)); }), 0);
}

TEST(DefaultFilter, LetsTheCommonPersonalitiesAndTracersBe) {
  EXPECT_EQ(usual([] { return static_cast<long>(::personality(0xffffffff)); }), 0);
  EXPECT_EQ(usual([] { return static_cast<long>(::personality(PER_LINUX32)); }), 0);
  EXPECT_EQ(usual([] { return static_cast<long>(::personality(ADDR_NO_RANDOMIZE)); }), EPERM);
  EXPECT_EQ(usual([] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }), 0);
}

TEST(DefaultFilter, SaysThatCallsNewerThanThePolicyAreNotThere) {
  EXPECT_EQ(usual([] { return ::syscall(470); }), ENOSYS);
  EXPECT_EQ(usual([] { return ::syscall(100000); }), ENOSYS);
}

#if defined(__x86_64__)
// The 32-bit entry of the kernel: other numbers for the same calls.
long call_32(long number, long first) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

TEST(DefaultFilter, HoldsForThe32BitCallsToo) {
  if (call_32(20, 0) < 0) GTEST_SKIP() << "this kernel has no 32-bit system calls";  // getpid
  EXPECT_EQ(usual([] { return call_32(20, 0); }), 0);
  EXPECT_EQ(usual([] { return call_32(310, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(usual([] { return call_32(435, 0); }), ENOSYS);
  EXPECT_EQ(with(CAP_SYS_ADMIN, [] { return call_32(310, CLONE_NEWUTS); }), 0);
}

TEST(DefaultFilter, HoldsForX32CallsToo) {
  EXPECT_EQ(usual([] { return ::syscall(SYS_unshare | 0x40000000, CLONE_NEWUSER); }), EPERM);
}
#endif

}  // namespace
}  // namespace tare::runtime
