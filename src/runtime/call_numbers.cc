#include "runtime/call_numbers.h"

#include <algorithm>
#include <linux/audit.h>
#include <seccomp.h>

#include "runtime/newer_calls.h"

namespace tare::runtime {
namespace {

#if defined(__x86_64__)
constexpr std::string_view own_name = "amd64";
constexpr KnownAbi abis[] = {{x86_64, "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0},
                             {x32, "SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, x32_bit},
                             {i386, "SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, 0}};
#elif defined(__aarch64__)
constexpr std::string_view own_name = "arm64";
constexpr KnownAbi abis[] = {{aarch64, "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0},
                             {arm, "SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0}};
#else
#error "the numbers of this architecture's system calls are not known"
#endif

constexpr std::string_view architecture_prefix = "SCMP_ARCH_";
constexpr std::string_view architecture_names[] = {
    "X86",    "X86_64",   "X32",         "ARM",         "AARCH64", "MIPS",    "MIPS64", "MIPS64N32",
    "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC",         "PPC64",   "PPC64LE", "S390",   "S390X",
    "PARISC", "PARISC64", "RISCV64",     "LOONGARCH64", "M68K",    "SH",      "SHEB"};

constexpr std::uint32_t i386_socketcall = 102, i386_ipc = 117;

// i386's calls that have two numbers; asked for their names, the library answers with a stand-in
// (arch/x86/entry/syscalls/syscall_32.tbl).
constexpr struct {
  std::string_view name;
  std::uint32_t number;
} i386_direct_numbers[] = {
    {"recvmmsg", 337},    {"sendmmsg", 345},    {"socket", 359},  {"socketpair", 360}, {"bind", 361},
    {"connect", 362},     {"listen", 363},      {"accept4", 364}, {"getsockopt", 365}, {"setsockopt", 366},
    {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},  {"sendmsg", 370},    {"recvfrom", 371},
    {"recvmsg", 372},     {"shutdown", 373},    {"semget", 393},  {"semctl", 394},     {"shmget", 395},
    {"shmctl", 396},      {"shmat", 397},       {"shmdt", 398},   {"msgget", 399},     {"msgsnd", 400},
    {"msgrcv", 401},      {"msgctl", 402}};

std::optional<std::uint32_t> find_i386_number(std::string_view name) {
  const auto* found = std::ranges::find(i386_direct_numbers, name, [](const auto& one) { return one.name; });
  return found == std::end(i386_direct_numbers) ? std::nullopt : std::optional(found->number);
}

}  // namespace

std::span<const KnownAbi> own_abis() { return abis; }

bool is_architecture_name(std::string_view name) {
  return name.starts_with(architecture_prefix) &&
         std::ranges::find(architecture_names, name.substr(architecture_prefix.size())) !=
             std::end(architecture_names);
}

std::vector<std::string> known_architectures() {
  std::vector<std::string> names;
  for (const auto name : architecture_names) names.push_back(std::string(architecture_prefix).append(name));
  return names;
}

std::string_view architecture_name() { return own_name; }

bool is_call_name(const std::string& name) {
  return std::ranges::find(newer_calls, name, &NewerCall::name) != std::end(newer_calls) ||
         ::seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR;
}

CallNumbers find_numbers(const KnownAbi& abi, const std::string& name) {
  for (const auto& call : newer_calls)
    if (call.name == name) {
      if (call.on_x86_64_only && abi.abi != x86_64) return {};
      return {.direct = abi.first_number | call.number};
    }
  const int number = ::seccomp_syscall_resolve_name_arch(abi.scmp_architecture, name.c_str());
  if (number >= 0) return {.direct = static_cast<std::uint32_t>(number)};
  if (abi.abi != i386) return {};
  // seccomp.h: minus a hundred and the part for socketcall's, minus two hundred for ipc's.
  if (number <= -100 && number > -200)
    return {find_i386_number(name), i386_socketcall, static_cast<std::uint32_t>(-number - 100)};
  if (number <= -200 && number > -300)
    return {find_i386_number(name), i386_ipc, static_cast<std::uint32_t>(-number - 200)};
  return {};
}

}  // namespace tare::runtime
