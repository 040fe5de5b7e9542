#include "call_table.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <seccomp.h>
#include <set>

using namespace tare::runtime;

namespace {

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

// A profile may name calls of any machine: all that the library knows must be known.
constexpr std::uint32_t architectures[] = {
    SCMP_ARCH_X86,     SCMP_ARCH_X86_64, SCMP_ARCH_X32,      SCMP_ARCH_ARM,
    SCMP_ARCH_AARCH64, SCMP_ARCH_MIPS,   SCMP_ARCH_MIPS64,   SCMP_ARCH_MIPS64N32,
    SCMP_ARCH_PPC,     SCMP_ARCH_PPC64,  SCMP_ARCH_PPC64LE,  SCMP_ARCH_S390,
    SCMP_ARCH_S390X,   SCMP_ARCH_PARISC, SCMP_ARCH_PARISC64, SCMP_ARCH_RISCV64};

std::set<std::string> all_names() {
  // Where each ABI's numbers begin: MIPS has three, x32 a bit, ARM calls of its own far above.
  constexpr int beginnings[] = {0, 4000, 5000, 6000, 0x40000000, 0x0f0000};
  constexpr int enough = 700;
  std::set<std::string> names;
  for (const std::uint32_t architecture : architectures)
    for (const int first : beginnings)
      for (int number = first; number < first + enough; number++)
        if (char* name = ::seccomp_syscall_resolve_num_arch(architecture, number)) {
          names.insert(name);
          std::free(name);
        }
  return names;
}

CallName look_up(const std::string& name) {
  CallName call{.name = name, .numbers = {-1, -1, -1}, .part = 0};
  for (std::size_t i = 0; i < own_abis().size(); i++) {
    const KnownAbi& abi = own_abis()[i];
    const int number = ::seccomp_syscall_resolve_name_arch(abi.scmp_architecture, name.c_str());
    if (number >= 0) call.numbers[i] = number;
    // seccomp.h: minus a hundred and the part for socketcall's, minus two hundred for ipc's.
    if (abi.abi != i386 || number > -100 || number <= -300) continue;
    call.part = static_cast<std::uint16_t>(-number);
    if (const auto direct = find_i386_number(name)) call.numbers[i] = static_cast<std::int32_t>(*direct);
  }
  return call;
}

}  // namespace

std::vector<CallName> look_up_all_calls() {
  static const std::set<std::string> names = all_names();
  std::vector<CallName> calls;
  calls.reserve(names.size());
  for (const auto& name : names) calls.push_back(look_up(name));
  return calls;
}
