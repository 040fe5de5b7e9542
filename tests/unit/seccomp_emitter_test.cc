#include "runtime/seccomp_emitter.h"

#include <linux/audit.h>

#include "filter_fixture.h"

namespace tare::runtime {
namespace {

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW, kill = SECCOMP_RET_KILL_PROCESS;

seccomp_data call(std::uint32_t architecture, std::uint32_t number, std::uint64_t first = 0,
                  std::uint64_t second = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  data.args[0] = first;
  data.args[1] = second;
  return data;
}

TEST(SeccompEmitter, TellsRangesOfNumbersAndArchitecturesApart) {
  const CallTable native{
      .architecture = AUDIT_ARCH_X86_64,
      .from = {{0, {.action = allow}}, {5, {.action = refusal(1)}}, {6, {.action = allow}}}};
  const CallTable other{.architecture = AUDIT_ARCH_I386, .from = {{0, {.action = refusal(2)}}}};
  const auto program = emit_filter({native, other}, kill);
  for (const std::uint32_t number : {0U, 4U, 6U, 0x40000000U, 0xffffffffU})
    EXPECT_EQ(interpret(program, call(AUDIT_ARCH_X86_64, number)), allow) << number;
  EXPECT_EQ(interpret(program, call(AUDIT_ARCH_X86_64, 5)), refusal(1));
  EXPECT_EQ(interpret(program, call(AUDIT_ARCH_I386, 0)), refusal(2));
  EXPECT_EQ(interpret(program, call(AUDIT_ARCH_S390X, 0)), kill);
}

TEST(SeccompEmitter, LooksAtAllBitsOfAnArgument) {
  const auto when = [](ArgumentTest test) { return Case{.action = allow, .all_of = {test}}; };
  const Verdict verdict{
      .action = refusal(1),
      .cases = {when({.index = 0, .low = 3}), when({.index = 0, .low = 0x100, .high = 0x1ff}),
                when({.index = 1, .low = 0, .high = 7}),
                when({.index = 1, .low = 0x7'00000000, .high = 0x7'000000ff}),
                when({.index = 1, .low = 0x80, .high = 0x80, .mask = 0xf0})}};
  const auto program = emit_filter({{.architecture = 1, .from = {{0, verdict}}}}, kill);
  const struct {
    std::uint64_t first, second;
    bool is_allowed;
  } cases[] = {
      {3, 9, true},
      {2, 9, false},
      {0x1'00000003, 9, false},
      {0x100, 9, true},
      {0x1ff, 9, true},
      {0xff, 9, false},
      {0x200, 9, false},
      {0x8000000000000100, 9, false},
      {0, 0, true},
      {0, 7, true},
      {0, 8, false},
      {0, 0x7'00000000, true},
      {0, 0x7'000000ff, true},
      {0, 0x7'00000100, false},
      {0, 0x6'000000ff, false},
      {0, 0xff'fffffff0 & ~0x70ULL, true},
      {0, 0x8f, true},
      {0, 0x9f, false},
  };
  for (const auto& one : cases)
    EXPECT_EQ(interpret(program, call(1, 77, one.first, one.second)), one.is_allowed ? allow : refusal(1))
        << std::hex << one.first << " " << one.second;
}

// As the program should: bit by bit what the tables say.
std::uint32_t evaluate(const Verdict& verdict, const seccomp_data& data) {
  for (const auto& one : verdict.cases) {
    bool holds = true;
    for (const auto& test : one.all_of) {
      const std::uint64_t value = data.args[test.index] & test.mask;
      holds &= (value >= test.low && value <= test.high) != test.negated;
    }
    if (holds) return one.action;
  }
  return verdict.action;
}

// Many more than a conditional jump can step over.
TEST(SeccompEmitter, WritesLongProgramsThatTheKernelTakes) {
  std::uint32_t state = 7;
  const auto random = [&] { return state = state * 1664525 + 1013904223, state >> 16; };
  constexpr std::uint64_t all = ~std::uint64_t{0};
  constexpr std::uint64_t values[] = {0,       1,  5, 0xffffffff, 0x1'00000000, 0x1'00000005, 0x7'ffffffff,
                                      all - 1, all};
  const auto value = [&] { return values[random() % std::size(values)]; };
  constexpr std::uint64_t masks[] = {all, all, 0xf, 0xffffffff, 0x7'00000001};
  CallTable table{.architecture = 1, .from = {}};
  for (std::uint32_t number = 0; number < 120; number++) {
    Verdict verdict{.action = refusal(static_cast<int>(random() % 100)), .cases = {}};
    for (std::uint32_t cases = random() % 4; cases > 0; cases--) {
      Case one{.action = random() % 2 ? allow : refusal(static_cast<int>(random() % 3)), .all_of = {}};
      for (std::uint32_t tests = random() % 3 + 1; tests > 0; tests--) {
        ArgumentTest test{
            .index = random() % 2, .low = value(), .high = value(), .mask = masks[random() % 5]};
        test.negated = random() % 3 == 0;
        if (test.low > test.high) std::swap(test.low, test.high);
        one.all_of.push_back(test);
      }
      verdict.cases.push_back(std::move(one));
    }
    table.from.emplace(number, std::move(verdict));
  }
  const auto program = emit_filter({table, {.architecture = 2, .from = table.from}}, kill);
  EXPECT_GT(program.size(), 4000U);
  for (std::uint32_t number = 0; number < 120; number++)
    for (const std::uint64_t first : values)
      for (const std::uint64_t second : values) {
        const seccomp_data data = call(1 + number % 2, number, first, second);
        ASSERT_EQ(interpret(program, data), evaluate(table.from.at(number), data))
            << number << std::hex << " " << first << " " << second;
      }
  const auto one_table = emit_filter({table}, allow);
  ASSERT_LT(one_table.size(), std::size_t{BPF_MAXINSNS});
  EXPECT_EQ(error_under(one_table, [] { return 0L; }), 0);
}

}  // namespace
}  // namespace tare::runtime
