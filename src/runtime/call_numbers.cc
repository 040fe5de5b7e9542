#include "runtime/call_numbers.h"

#include <algorithm>

#include "runtime/newer_calls.h"

namespace tare::runtime {
namespace {

constexpr std::uint32_t i386_socketcall = 102, i386_ipc = 117;

const CallName* find_name(std::string_view name) {
  const auto known = call_names();
  const auto found = std::ranges::lower_bound(known, name, {}, &CallName::name);
  return found != known.end() && found->name == name ? &*found : nullptr;
}

const NewerCall* find_newer(std::string_view name) {
  const auto* found = std::ranges::find(newer_calls, name, &NewerCall::name);
  return found == std::end(newer_calls) ? nullptr : found;
}

}  // namespace

bool is_call_name(std::string_view name) { return find_newer(name) || find_name(name); }

CallNumbers find_numbers(const KnownAbi& abi, std::string_view name) {
  if (const NewerCall* call = find_newer(name)) {
    if (call->on_x86_64_only && abi.abi != x86_64) return {};
    return {.direct = abi.first_number | call->number};
  }
  const CallName* call = find_name(name);
  if (!call) return {};
  CallNumbers numbers;
  const std::int32_t number = call->numbers[&abi - own_abis().data()];
  if (number >= 0) numbers.direct = static_cast<std::uint32_t>(number);
  if (abi.abi != i386 || call->part == 0) return numbers;
  numbers.multiplexer = call->part < 200 ? i386_socketcall : i386_ipc;
  numbers.part = call->part % 100U;
  return numbers;
}

}  // namespace tare::runtime
