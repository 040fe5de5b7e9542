// The ABIs of system calls that this machine's kernel may offer.
#include <algorithm>
#include <linux/audit.h>
#include <seccomp.h>

#include "runtime/call_numbers.h"
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

}  // namespace tare::runtime
