#include "runtime/seccomp_profile.h"

#include <algorithm>
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
  explicit Rules(std::uint32_t default_action) : default_(default_action) {}

  void add(const KnownAbi& abi, const std::string& name, const Case& wanted) {
    const CallNumbers numbers = find_numbers(abi, name);
    if (numbers.direct) {
      if (*numbers.direct < abi.first_number + largest_number) newest_ = std::max(newest_, *numbers.direct);
      add(*numbers.direct, wanted);
    }
    if (numbers.multiplexer) add_part(numbers, wanted);
  }

  void put_into(CallTable& table, const KnownAbi& abi) const {
    table.from[abi.first_number] = {.action = default_, .cases = {}};
    for (const auto& [number, verdict] : calls_) table.from.insert_or_assign(number, verdict);
    for (const auto& [number, verdict] : calls_)
      table.from.try_emplace(number + 1, Verdict{.action = default_, .cases = {}});
    if (newest_ != 0 && !allows(default_))
      table.from[newest_ + 1] = {.action = SECCOMP_RET_ERRNO | ENOSYS, .cases = {}};
  }

 private:
  static constexpr std::uint32_t largest_number = 0xffff;  // ARM keeps a few far above

  void add(std::uint32_t number, const Case& wanted) {
    if (is_settled_[number]) return;
    Verdict& verdict = calls_.try_emplace(number, Verdict{.action = default_, .cases = {}}).first->second;
    if (wanted.all_of.empty()) {
      verdict = {.action = wanted.action, .cases = {}};
      is_settled_[number] = true;
    } else {
      verdict.cases.push_back(wanted);
    }
  }

  // What else is passed lies in memory, where a filter does not see it: where that would count, the call is
  // not allowed.
  void add_part(const CallNumbers& numbers, const Case& wanted) {
    if (!wanted.all_of.empty() && allows(wanted.action)) return;
    add(*numbers.multiplexer, {.action = wanted.action, .all_of = {{.index = 0, .low = numbers.part}}});
  }

  std::uint32_t default_;
  std::uint32_t newest_ = 0;
  std::map<std::uint32_t, Verdict> calls_;
  std::map<std::uint32_t, bool> is_settled_;
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
    Rules rules(default_action);
    for (const auto& rule : profile.rules)
      for (const Case& wanted : cases_of(rule, action_of(rule.action, rule.errno_ret)))
        for (const auto& name : rule.names) rules.add(abi, name, wanted);
    rules.put_into(tables.back(), abi);
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
