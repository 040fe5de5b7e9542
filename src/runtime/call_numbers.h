// System calls by name: their numbers in the ABIs that this machine's kernel may offer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/default_policy.h"

namespace tare::runtime {

struct KnownAbi {
  Abi abi;
  std::string_view name;            ///< "SCMP_ARCH_X86_64"
  std::uint32_t scmp_architecture;  ///< SCMP_ARCH_…
  std::uint32_t architecture;       ///< AUDIT_ARCH_…
  std::uint32_t first_number;       ///< x32 shares its architecture with x86-64
};

/// The machine's own first.
std::span<const KnownAbi> own_abis();
/// Of other machines, too.
bool is_architecture_name(std::string_view name);
/// All of them, as "SCMP_ARCH_X86".
std::vector<std::string> known_architectures();
/// What docker's profiles call this machine: "amd64".
std::string_view architecture_name();

/// A call that libseccomp knows, written down while tare is built.
struct CallName {
  std::string_view name;
  std::int32_t numbers[3];  ///< in the ABIs of own_abis(); negative: none
  std::uint16_t part;       ///< on i386, of socketcall: 100 + which; of ipc: 200 + which; else 0
};
/// By name.
std::span<const CallName> call_names();

struct CallNumbers {
  std::optional<std::uint32_t> direct;
  /// On i386 a call may be part of another one, too: socketcall(2), ipc(2), whose first argument says which.
  std::optional<std::uint32_t> multiplexer;
  std::uint32_t part = 0;
};

/// Whether any machine has it.
bool is_call_name(std::string_view name);
/// Neither: there is no such call in this ABI, as far as is known.
CallNumbers find_numbers(const KnownAbi& abi, std::string_view name);

}  // namespace tare::runtime
