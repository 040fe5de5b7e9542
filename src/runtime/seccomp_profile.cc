#include "runtime/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <set>

#include "base/error.h"
#include "base/format.h"
#include "runtime/call_numbers.h"
#include "runtime/seccomp_emitter.h"
#include "runtime/seccomp_names.h"

namespace tare::runtime {
namespace {

std::uint32_t action_of(const std::string& name, std::optional<std::uint32_t> error_number) {
  if (const auto action = try_action(name, error_number)) return *action;
  throw Error(ErrorKind::invalid, format("the seccomp action \"{}\" is not supported", name));
}

bool allows(std::uint32_t action) { return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG; }

// All tests must hold; but where two are of the same argument, any of them, which is how runc and crun read
// it. Without the cases that can never hold.
std::vector<Case> cases_of(const oci::SeccompRule& rule, std::uint32_t action) {
  std::set<std::uint32_t> indexes;
  for (const auto& argument : rule.args) indexes.insert(argument.index);
  const bool any_holds = indexes.size() < rule.args.size();
  Case all{.action = action, .all_of = {}};
  std::vector<Case> any;
  for (const auto& argument : rule.args) {
    const auto test = try_test(argument);
    if (!test || argument.index > 5)
      throw Error(ErrorKind::invalid, format("the seccomp operator \"{}\" is unknown", argument.op));
    const bool can_hold = test->low <= test->high;
    if (any_holds && can_hold) any.push_back({.action = action, .all_of = {*test}});
    if (!any_holds && !can_hold) return {};
    all.all_of.push_back(*test);
  }
  return any_holds ? any : std::vector{all};
}

// All rules about the calls of an ABI, by number.
class Rules {
 public:
  Rules(const KnownAbi& abi, std::uint32_t default_action) : abi_(abi), default_(default_action) {}

  void add(const std::string& name, const Case& wanted) {
    const CallNumbers numbers = find_numbers(abi_, name);
    if (numbers.direct) {
      if (*numbers.direct < abi_.first_number + largest_number) newest_ = std::max(newest_, *numbers.direct);
      add(*numbers.direct, wanted);
    }
    if (numbers.multiplexer) add_part(numbers, wanted);
  }

  void put_into(CallTable& table) {
    std::ranges::sort(calls_, {}, &Call::number);
    auto& from = table.from;
    const auto last = [&] { return from.end(); };
    from.insert_or_assign(abi_.first_number, Verdict{.action = default_, .cases = {}});
    for (Call& call : calls_) {
      from.insert_or_assign(last(), call.number, std::move(call.verdict));
      from.emplace_hint(last(), call.number + 1, Verdict{.action = default_, .cases = {}});
    }
    if (newest_ != 0 && !allows(default_))
      from[newest_ + 1] = {.action = SECCOMP_RET_ERRNO | ENOSYS, .cases = {}};
  }

 private:
  static constexpr std::uint32_t largest_number = 0xffff;  // ARM keeps a few far above

  struct Call {
    std::uint32_t number;
    Verdict verdict;
    bool is_settled = false;
  };

  void add(std::uint32_t number, const Case& wanted) {
    Call& call = find_or_add(number);
    if (call.is_settled) return;
    call.is_settled = wanted.all_of.empty();
    if (call.is_settled)
      call.verdict = {.action = wanted.action, .cases = {}};
    else
      call.verdict.cases.push_back(wanted);
  }

  Call& find_or_add(std::uint32_t number) {
    // A profile names some hundred calls, for several ABIs: where each is in calls_, plus one.
    const std::uint32_t offset = number - abi_.first_number;
    if (offset < places_.size() && places_[offset] != 0) return calls_[places_[offset] - 1U];
    if (offset >= places_.size())
      if (const auto known = std::ranges::find(calls_, number, &Call::number); known != calls_.end())
        return *known;
    calls_.push_back({.number = number, .verdict = {.action = default_, .cases = {}}});
    if (offset < places_.size()) places_[offset] = static_cast<std::uint16_t>(calls_.size());
    return calls_.back();
  }

  // What else is passed lies in memory, where a filter does not see it: where that would count, the call is
  // not allowed.
  void add_part(const CallNumbers& numbers, const Case& wanted) {
    if (!wanted.all_of.empty() && allows(wanted.action)) return;
    add(*numbers.multiplexer, {.action = wanted.action, .all_of = {{.index = 0, .low = numbers.part}}});
  }

  const KnownAbi& abi_;
  std::uint32_t default_;
  std::uint32_t newest_ = 0;
  std::vector<Call> calls_;
  std::array<std::uint16_t, 1024> places_{};
};

std::uint64_t flags_of(const oci::Seccomp& profile) {
  // As runc has it where nothing is said.
  std::uint64_t flags = profile.flags.empty() ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0;
  for (const auto& name : profile.flags) {
    const auto flag = try_flag(name);
    if (!flag) throw Error(ErrorKind::unsupported, format("the seccomp flag \"{}\" is not supported", name));
    flags |= *flag;
  }
  return has_notifications(profile) ? flags | SECCOMP_FILTER_FLAG_NEW_LISTENER : flags & ~wait_killable;
}

}  // namespace

CompiledProfile compile_profile(const oci::Seccomp& profile) {
  const std::uint32_t default_action = action_of(profile.default_action, profile.default_errno_ret);
  std::vector<CallTable> tables;
  for (const KnownAbi& abi : own_abis()) {
    const bool is_own = &abi == own_abis().data();
    const bool is_named = std::ranges::find(profile.architectures, abi.name) != profile.architectures.end();
    if (!is_own && !is_named) {
      // It shares its architecture with the machine's own.
      if (abi.first_number != 0) {
        tables.front().from[abi.first_number] = {.action = SECCOMP_RET_KILL_PROCESS, .cases = {}};
        // No call, but a tracer's word for one that it skips; libseccomp gives it the default, too.
        tables.front().from[~std::uint32_t{0}] = {.action = default_action, .cases = {}};
      }
      continue;
    }
    if (tables.empty() || tables.back().architecture != abi.architecture)
      tables.push_back({.architecture = abi.architecture, .from = {}});
    Rules rules(abi, default_action);
    for (const auto& rule : profile.rules)
      for (const Case& wanted : cases_of(rule, action_of(rule.action, rule.errno_ret)))
        for (const auto& name : rule.names) rules.add(name, wanted);
    rules.put_into(tables.back());
  }
  CompiledProfile compiled{.program = emit_filter(tables, SECCOMP_RET_KILL_PROCESS),
                           .flags = flags_of(profile)};
  if (compiled.program.size() > BPF_MAXINSNS)
    throw Error(ErrorKind::invalid,
                format("the seccomp profile makes a program of {} instructions; the kernel takes {}",
                       compiled.program.size(), BPF_MAXINSNS));
  return compiled;
}

}  // namespace tare::runtime
