#include <gtest/gtest.h>

#include "base/error.h"
#include "cgroup/devices.h"

namespace tare::cgroup {
namespace {

using oci::DeviceRule;

DeviceRule rule(bool allow, char type, int major, int minor, std::string_view access) {
  const auto number = [](int n) { return n < 0 ? std::nullopt : std::optional<std::uint32_t>(n); };
  return {.allow = allow,
          .type = type,
          .major = number(major),
          .minor = number(minor),
          .read = access.contains('r'),
          .write = access.contains('w'),
          .mknod = access.contains('m')};
}

/// Runs a program of the few instructions that compile_device_rules uses; fails the test on any other.
bool run(const std::vector<bpf_insn>& program, std::uint32_t type, std::uint32_t access, std::uint32_t major,
         std::uint32_t minor) {
  const std::uint32_t context[] = {access << 16 | type, major, minor};
  std::uint32_t registers[10] = {};
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& step = program[at];
    std::uint32_t& to = registers[step.dst_reg];
    const auto number = static_cast<std::uint32_t>(step.imm);
    switch (step.code) {
      case BPF_LDX | BPF_MEM | BPF_W: to = context[step.off / 4]; break;
      case BPF_ALU | BPF_K | BPF_AND: to &= number; break;
      case BPF_ALU | BPF_X | BPF_AND: to &= registers[step.src_reg]; break;
      case BPF_ALU | BPF_K | BPF_RSH: to >>= number; break;
      case BPF_ALU | BPF_K | BPF_MOV: to = number; break;
      case BPF_JMP32 | BPF_K | BPF_JNE: at += to != number ? step.off : 0; break;
      case BPF_JMP32 | BPF_K | BPF_JEQ: at += to == number ? step.off : 0; break;
      case BPF_JMP | BPF_EXIT: return registers[0] != 0;
      default: ADD_FAILURE() << "instruction " << int{step.code}; return false;
    }
  }
  ADD_FAILURE() << "the program ran past its end";
  return false;
}

constexpr std::uint32_t block = BPF_DEVCG_DEV_BLOCK, character = BPF_DEVCG_DEV_CHAR;
constexpr std::uint32_t make = BPF_DEVCG_ACC_MKNOD, read = BPF_DEVCG_ACC_READ, write = BPF_DEVCG_ACC_WRITE;

/// What the rules mean, said as simply as can be: each kind of access is decided by the last rule about it.
bool meaning(const std::vector<DeviceRule>& rules, std::uint32_t type, std::uint32_t access,
             std::uint32_t major, std::uint32_t minor) {
  for (std::uint32_t one : {make, read, write}) {
    bool allowed = true;
    for (const auto& each : rules) {
      const bool named =
          (one == make && each.mknod) || (one == read && each.read) || (one == write && each.write);
      const bool of_type = each.type == 'a' || (each.type == 'b') == (type == block);
      if (named && of_type && each.major.value_or(major) == major && each.minor.value_or(minor) == minor)
        allowed = each.allow;
    }
    if ((access & one) && !allowed) return false;
  }
  return true;
}

void expect_same_meaning(const std::vector<DeviceRule>& rules) {
  const auto program = compile_device_rules(rules);
  for (std::uint32_t type : {block, character})
    for (std::uint32_t access = 1; access < 8; ++access)
      for (std::uint32_t major : {0u, 1u, 5u, 8u, 136u, 0x80000001u})
        for (std::uint32_t minor : {0u, 3u, 5u, 0xfffffu, 0xffffffffu})
          ASSERT_EQ(run(program, type, access, major, minor), meaning(rules, type, access, major, minor))
              << type << " " << access << " " << major << ":" << minor;
}

TEST(CgroupDevices, OfAContainerAreTheHarmlessOnesByDefault) {
  const auto program = compile_device_rules(default_device_rules());
  EXPECT_TRUE(run(program, character, read | write, 1, 3));
  EXPECT_TRUE(run(program, character, read, 136, 77));
  EXPECT_TRUE(run(program, block, make, 8, 0));
  EXPECT_TRUE(run(program, character, make, 10, 200));
  EXPECT_FALSE(run(program, block, read, 8, 0));
  EXPECT_FALSE(run(program, block, make | write, 8, 0));
  EXPECT_FALSE(run(program, character, read, 1, 1));
  EXPECT_FALSE(run(program, character, write, 10, 200));
  expect_same_meaning(default_device_rules());
}

TEST(CgroupDevices, CompileToAProgramInWhichTheLastMatchWinsForEachKindOfAccess) {
  expect_same_meaning({});
  expect_same_meaning({rule(true, 'a', -1, -1, "rwm")});
  expect_same_meaning({rule(false, 'c', 1, -1, "w"), rule(true, 'c', 1, 3, "rw")});
  expect_same_meaning({rule(false, 'a', -1, -1, "rwm"), rule(true, 'a', 8, -1, "r"),
                       rule(false, 'b', 8, 3, "rm"), rule(true, 'a', -1, -1, "m")});
  expect_same_meaning(
      {rule(true, 'b', 8, 0, "rwm"), rule(false, 'a', -1, -1, "rwm"), rule(true, 'c', 5, 5, "")});
  auto high = rule(false, 'b', 0, 0, "rwm");
  high.major = 0x80000001u;
  high.minor = 0xffffffffu;
  expect_same_meaning({high});
}

TEST(CgroupDevices, HaveTheKernelsNotation) {
  EXPECT_EQ(to_text(rule(true, 'c', 136, -1, "rwm")), "c 136:* rwm");
  EXPECT_EQ(to_text(rule(false, 'b', -1, -1, "m")), "b *:* m");
}

TEST(CgroupDevices, OnV1AreADefaultAndTheExceptionsFromIt) {
  const std::vector<DeviceRule> rules = {
      rule(true, 'c', 1, 1, "rwm"),  // forgotten: the next one is about everything
      rule(false, 'a', -1, -1, "rwm"), rule(true, 'c', 1, 3, "r"),   rule(true, 'c', 1, 3, "w"),
      rule(true, 'a', 8, -1, "rw"),    rule(false, 'c', 8, -1, "w"), rule(false, 'b', 8, -1, "rw")};
  const auto list = to_device_list(rules);
  EXPECT_FALSE(list.allow_by_default);
  ASSERT_EQ(list.exceptions.size(), 2u);
  EXPECT_EQ(to_text(list.exceptions[0]), "c 1:3 rw");
  EXPECT_EQ(to_text(list.exceptions[1]), "c 8:* r");
}

TEST(CgroupDevices, OnV1CannotTakeBackAPartOfARule) {
  const std::vector<DeviceRule> rules = {rule(false, 'a', -1, -1, "rwm"), rule(true, 'c', -1, -1, "rwm"),
                                         rule(false, 'c', 1, 3, "w")};
  try {
    to_device_list(rules);
    FAIL() << "the kernel would ignore the last rule";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_EQ(
        error.text(),
        "the device rule \"deny c 1:3 w\" takes back a part of \"c *:* rwm\", which cgroup v1 cannot do");
  }
}

}  // namespace
}  // namespace tare::cgroup
