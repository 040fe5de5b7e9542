#include "runtime/seccomp_names.h"

#include <algorithm>
#include <cerrno>
#include <linux/seccomp.h>
#include <span>

#include "base/format.h"
#include "runtime/call_numbers.h"

namespace tare::runtime {
namespace {

constexpr struct {
  std::string_view name;
  std::uint32_t value;
  bool takes_number = false;
} actions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    {notify_action, SECCOMP_RET_USER_NOTIF},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
};

constexpr struct {
  std::string_view name;
  std::uint64_t value;
} flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", 0},  // there are no other threads
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", wait_killable},
};

constexpr std::uint64_t largest = ~std::uint64_t{0};
constexpr ArgumentTest never{.low = 1, .high = 0};

constexpr struct {
  std::string_view name;
  ArgumentTest (*make)(std::uint64_t value, std::uint64_t second);
} operators[] = {
    {"SCMP_CMP_NE",
     [](std::uint64_t v, std::uint64_t) { return ArgumentTest{.low = v, .high = v, .negated = true}; }},
    {"SCMP_CMP_LT",
     [](std::uint64_t v, std::uint64_t) { return v == 0 ? never : ArgumentTest{.low = 0, .high = v - 1}; }},
    {"SCMP_CMP_LE", [](std::uint64_t v, std::uint64_t) { return ArgumentTest{.low = 0, .high = v}; }},
    {"SCMP_CMP_EQ", [](std::uint64_t v, std::uint64_t) { return ArgumentTest{.low = v, .high = v}; }},
    {"SCMP_CMP_GE", [](std::uint64_t v, std::uint64_t) { return ArgumentTest{.low = v, .high = largest}; }},
    {"SCMP_CMP_GT",
     [](std::uint64_t v, std::uint64_t) {
       return v == largest ? never : ArgumentTest{.low = v + 1, .high = largest};
     }},
    // The value is the mask (seccomp_rule_add(3)).
    {"SCMP_CMP_MASKED_EQ",
     [](std::uint64_t v, std::uint64_t second) {
       return ArgumentTest{.low = second & v, .high = second & v, .mask = v};
     }},
};

template <typename Table>
auto find(const Table& table, std::string_view name) {
  const auto* row = std::ranges::find_if(table, [&](const auto& one) { return one.name == name; });
  return row == std::end(table) ? nullptr : row;
}

constexpr json::KnownField<oci::SeccompArgument> argument_fields[] = {
    {"index", [](const json::Node& n, oci::SeccompArgument& a) { a.index = n.integer<std::uint32_t>(0, 5); }},
    {"value", [](const json::Node& n, oci::SeccompArgument& a) { a.value = n.integer<std::uint64_t>(); }},
    {"valueTwo",
     [](const json::Node& n, oci::SeccompArgument& a) { a.value_two = n.integer<std::uint64_t>(); }},
    {"op", [](const json::Node& n, oci::SeccompArgument& a) { a.op = read_operator(n); }},
};

template <typename Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.name);
  return names;
}

}  // namespace

bool has_notifications(const oci::Seccomp& profile) {
  return profile.default_action == notify_action ||
         std::ranges::find(profile.rules, notify_action, &oci::SeccompRule::action) != profile.rules.end();
}

std::vector<std::string_view> known_actions() { return names_of(actions); }
std::vector<std::string_view> known_operators() { return names_of(operators); }
std::vector<std::string_view> known_flags() { return names_of(flags); }

std::optional<std::uint32_t> try_action(std::string_view name, std::optional<std::uint32_t> error_number) {
  const auto* row = find(actions, name);
  if (!row) return std::nullopt;
  return row->takes_number ? row->value | (error_number.value_or(EPERM) & SECCOMP_RET_DATA) : row->value;
}

std::optional<std::uint64_t> try_flag(std::string_view name) {
  const auto* row = find(flags, name);
  if (!row) return std::nullopt;
  return row->value;
}

std::optional<ArgumentTest> try_test(const oci::SeccompArgument& argument) {
  const auto* row = find(operators, argument.op);
  if (!row) return std::nullopt;
  ArgumentTest test = row->make(argument.value, argument.value_two);
  test.index = argument.index;
  return test;
}

std::string read_action(const json::Node& node) {
  std::string name = node.text();
  if (!find(actions, name)) node.refuse(format("unknown action \"{}\"", name));
  return name;
}

std::string read_operator(const json::Node& node) {
  std::string name = node.text();
  if (!find(operators, name)) node.refuse(format("unknown operator \"{}\"", name));
  return name;
}

std::vector<std::string> read_flags(const json::Node& node) {
  node.for_each_element([](const json::Node& element) {
    const std::string name = element.text();
    if (!find(flags, name)) element.refuse(format("unknown flag \"{}\"", name));
  });
  return node.texts();
}

std::vector<std::string> read_architectures(const json::Node& node) {
  node.for_each_element([](const json::Node& element) {
    const std::string name = element.text();
    if (!is_architecture_name(name)) element.refuse(format("unknown architecture \"{}\"", name));
  });
  return node.texts();
}

// The kernel takes no more (MAX_ERRNO).
std::uint32_t read_error_number(const json::Node& node) { return node.integer<std::uint32_t>(0, 4095); }

std::vector<oci::SeccompArgument> read_arguments(const json::Node& node) {
  std::vector<oci::SeccompArgument> arguments;
  node.for_each_element([&](const json::Node& element) {
    read_fields(element, arguments.emplace_back(), argument_fields);
    if (arguments.back().op.empty()) element.refuse("op", "it is missing");
  });
  return arguments;
}

}  // namespace tare::runtime
