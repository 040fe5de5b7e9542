// Runs while tare is built: looks up the numbers of all calls, and of those that the default policy names,
// and writes them, with the ready program for the default capabilities, as a source file to standard output.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <linux/seccomp.h>
#include <string>
#include <tuple>
#include <vector>

#include "call_table.h"
#include "runtime/call_numbers.h"
#include "runtime/default_filter.h"
#include "runtime/default_policy.h"

using namespace tare::runtime;

namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<PolicyNumber> look_up_policy() {
  std::vector<PolicyNumber> numbers;
  for (std::uint16_t rule = 0; rule < default_policy().size(); rule++)
    for (const auto& name : words(default_policy()[rule].names)) {
      if (!is_call_name(name)) {
        std::fprintf(stderr, "policy-generator: there is no call named %s\n", name.c_str());
        std::exit(1);
      }
      for (const KnownAbi& abi : own_abis())
        if (default_policy()[rule].abis & abi.abi)
          if (const auto number = find_numbers(abi, name).direct)
            numbers.push_back({.architecture = abi.architecture, .number = *number, .rule = rule});
    }
  const auto rank = [&](const PolicyNumber& one) {
    return std::ranges::find(own_abis(), one.architecture, &KnownAbi::architecture) - own_abis().begin();
  };
  std::ranges::stable_sort(numbers, [&](const auto& one, const auto& other) {
    return std::tuple(rank(one), one.number) < std::tuple(rank(other), other.number);
  });
  return numbers;
}

const std::vector<CallName>& all_calls() {
  static const std::vector<CallName> calls = look_up_all_calls();
  return calls;
}

void print_calls() {
  std::printf("constinit const CallName call_names_[] = {\n");
  for (const CallName& call : all_calls())
    std::printf("{\"%s\", {%d, %d, %d}, %u},\n", std::string(call.name).c_str(), call.numbers[0],
                call.numbers[1], call.numbers[2], call.part);
  std::printf("};\nstd::span<const CallName> call_names() { return call_names_; }\n\n");
}

}  // namespace

std::span<const CallName> tare::runtime::call_names() { return all_calls(); }

int main() {
  const std::vector<PolicyNumber> numbers = look_up_policy();
  std::printf(
      "// Written by policy-generator.\n#include \"runtime/call_numbers.h\"\n#include "
      "\"runtime/default_filter.h\"\n\nnamespace tare::runtime {\n\n");
  print_calls();
  std::printf("constinit const PolicyNumber policy_numbers_[] = {\n");
  for (const auto& one : numbers) std::printf("{%#xu, %#xu, %u},\n", one.architecture, one.number, one.rule);
  std::printf("};\nstd::span<const PolicyNumber> policy_numbers() { return policy_numbers_; }\n\n");
  const auto tables = make_call_tables(numbers, usual_capabilities);
  std::printf("constinit const std::uint64_t usual_filter_[] = {\n");
  for (const auto one : emit_filter(tables, SECCOMP_RET_KILL_PROCESS))
    std::printf("%#llxu,\n", static_cast<unsigned long long>(one));
  std::printf("};\nstd::span<const std::uint64_t> usual_filter() { return usual_filter_; }\n\n");
  std::printf("}  // namespace tare::runtime\n");
  return std::fflush(stdout) == 0 ? 0 : 1;
}
