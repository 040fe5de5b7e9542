// Profiles from docker's JSON to what a program does with a call.
#include "engine/seccomp_profile.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "base/error.h"
#include "filter_fixture.h"
#include "oci/runtime_config.h"
#include "runtime/call_numbers.h"
#include "runtime/seccomp_profile.h"

namespace tare::engine {
namespace {

using runtime::compile_profile;
using runtime::error_under;
using runtime::interpret;
using runtime::refusal;

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint64_t administrator = std::uint64_t{1} << CAP_SYS_ADMIN;

ProfileFacts facts(std::uint64_t capabilities = 0, std::string kernel = "6.1.0-13-amd64") {
  return {.capabilities = capabilities,
          .architecture = std::string(runtime::architecture_name()),
          .kernel = std::move(kernel)};
}

seccomp_data call(std::uint32_t number, std::uint64_t first = 0, std::uint64_t second = 0,
                  std::uint32_t architecture = runtime::own_abis().front().architecture) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  data.args[0] = first;
  data.args[1] = second;
  return data;
}

std::vector<std::uint64_t> program_of(const std::string& text, const ProfileFacts& given = facts()) {
  return compile_profile(parse_profile(text, given)).program;
}

std::string failure(const std::string& text) {
  try {
    (void)program_of(text);
  } catch (const Error& error) {
    return error.text();
  }
  return "none";
}

TEST(SeccompProfile, AllowsWhatItNamesAndSaysThatWhatIsNewerIsNotThere) {
  const auto program = program_of(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 13, "syscalls": [
      {"names": ["read", "fchmodat2", "no_such_call"], "action": "SCMP_ACT_ALLOW", "comment": "x"},
      {"name": "write", "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
      {"names": ["getpid"], "action": "SCMP_ACT_KILL_PROCESS"}]})");
  EXPECT_EQ(interpret(program, call(SYS_read)), allow);
  EXPECT_EQ(interpret(program, call(452)), allow);
  EXPECT_EQ(interpret(program, call(SYS_write)), refusal(5));
  EXPECT_EQ(interpret(program, call(SYS_getpid)), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(interpret(program, call(SYS_openat)), refusal(13));
  EXPECT_EQ(interpret(program, call(453)), refusal(ENOSYS));
}

TEST(SeccompProfile, OfWhatIsRefusedLeavesNewerCallsAlone) {
  const auto program = program_of(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["unshare"], "action": "SCMP_ACT_ERRNO"},
      {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})");
  EXPECT_EQ(interpret(program, call(SYS_unshare)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_clone3)), refusal(ENOSYS));
  EXPECT_EQ(interpret(program, call(470)), allow);
  EXPECT_EQ(error_under(program, [] { return ::syscall(SYS_unshare, 0); }), EPERM);
  EXPECT_EQ(error_under(program, [] { return static_cast<long>(::getpid()); }), 0);
}

TEST(SeccompProfile, TestsArgumentsWithEveryOperator) {
  const struct {
    const char *op, *more;
    std::uint64_t holds, fails;
  } cases[] = {
      {"NE", "", 6, 5},
      {"LT", "", 4, 5},
      {"LE", "", 5, 6},
      {"EQ", "", 5, 0x1'00000005},
      {"GE", "", 0x1'00000000, 4},
      {"GT", "", 6, 5},
      {"MASKED_EQ", R"(, "valueTwo": 4)", 0xffff'fffffff4 & ~1ULL, 5},
  };
  for (const auto& one : cases) {
    const auto program = program_of(
        R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 1, "value": 5, "op": "SCMP_CMP_)" +
        std::string(one.op) + "\"" + one.more + "}]}]}");
    EXPECT_EQ(interpret(program, call(SYS_getppid, 0, one.holds)), refusal(EPERM)) << one.op;
    EXPECT_EQ(interpret(program, call(SYS_getppid, 0, one.fails)), allow) << one.op;
  }
}

TEST(SeccompProfile, WantsAllArgumentsOfARuleAndAnyRuleOfACall) {
  const auto program = program_of(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["getppid"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]},
      {"names": ["getppid"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_GE"}]},
      {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_LT"}]},
      {"names": ["getuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
      {"names": ["getuid"], "action": "SCMP_ACT_ALLOW"}]})");
  EXPECT_EQ(interpret(program, call(SYS_getppid, 1, 2)), allow);
  EXPECT_EQ(interpret(program, call(SYS_getppid, 1, 3)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_getppid, 9)), allow);
  EXPECT_EQ(interpret(program, call(SYS_getpid)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_getuid, 1)), allow);  // without arguments wins
}

TEST(SeccompProfile, TakesTwoTestsOfOneArgumentAsAlternatives) {
  const auto program = program_of(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [
          {"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]}]})");
  EXPECT_EQ(interpret(program, call(SYS_personality, 5)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_personality, 7)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_personality, 6)), allow);
}

TEST(SeccompProfile, DependsOnCapabilitiesArchitectureAndKernel) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
      {"names": ["getuid"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "arm64"]}},
      {"names": ["getgid"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64", "arm64"]}},
      {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
      {"names": ["kcmp"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4.8"}},
      {"names": ["acct"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_FROM_THE_FUTURE"]}}]})";
  auto program = program_of(text, facts(0, "4.10.0"));
  EXPECT_EQ(interpret(program, call(SYS_mount)), refusal(2));
  EXPECT_EQ(interpret(program, call(SYS_getpid)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_getuid)), allow);
  EXPECT_EQ(interpret(program, call(SYS_getgid)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_ptrace)), allow);
  EXPECT_NE(interpret(program, call(SYS_kcmp)), allow);
  EXPECT_EQ(interpret(program, call(SYS_acct)), refusal(EPERM));
  program = program_of(text, facts(administrator, "4.7.99"));
  EXPECT_EQ(interpret(program, call(SYS_mount)), allow);
  EXPECT_EQ(interpret(program, call(SYS_ptrace)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(SYS_kcmp)), allow);
}

#if defined(__x86_64__)
TEST(SeccompProfile, IsForTheArchitecturesThatItNames) {
  const std::string rules = R"("syscalls": [{"names": ["read", "socket"], "action": "SCMP_ACT_ERRNO"}]})";
  auto program = program_of(R"({"defaultAction": "SCMP_ACT_ALLOW", )" + rules);
  EXPECT_EQ(interpret(program, call(SYS_write)), allow);
  EXPECT_EQ(interpret(program, call(3, 0, 0, AUDIT_ARCH_I386)), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(interpret(program, call(0x40000001)), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(interpret(program, call(~0U)), allow);  // what a tracer skips
  program = program_of(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}], )" +
                       rules);
  EXPECT_EQ(interpret(program, call(3, 0, 0, AUDIT_ARCH_I386)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(4, 0, 0, AUDIT_ARCH_I386)), allow);
  EXPECT_EQ(interpret(program, call(0x40000000)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(0x40000001)), allow);
  // i386's socket(2), alone and as a part of socketcall(2).
  EXPECT_EQ(interpret(program, call(359, 0, 0, AUDIT_ARCH_I386)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(102, 1, 0, AUDIT_ARCH_I386)), refusal(EPERM));
  EXPECT_EQ(interpret(program, call(102, 2, 0, AUDIT_ARCH_I386)), allow);
}
#endif

TEST(SeccompProfile, PassesItsFlagsOn) {
  const auto flags = [](const std::string& list) {
    return compile_profile(
               parse_profile(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": )" + list + "}", facts()))
        .flags;
  };
  EXPECT_EQ(flags("[]"), SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  EXPECT_EQ(flags("null"), SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  EXPECT_EQ(flags(R"(["SECCOMP_FILTER_FLAG_LOG"])"), SECCOMP_FILTER_FLAG_LOG);
  EXPECT_EQ(
      flags(R"(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"])"),
      SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

TEST(SeccompProfile, NamesTheFieldThatIsWrong) {
  const auto with = [](const std::string& more) {
    return failure(R"({"defaultAction": "SCMP_ACT_ALLOW", )" + more + "}");
  };
  EXPECT_EQ(failure("{}"), "/defaultAction: it is missing");
  EXPECT_EQ(failure("[]"), "expected an object");
  EXPECT_EQ(failure(R"({"defaultAction": "ALLOW"})"), "/defaultAction: unknown action \"ALLOW\"");
  EXPECT_EQ(failure(R"({"defaultAction": "SCMP_ACT_NOTIFY"})"), "/defaultAction is not supported yet");
  EXPECT_EQ(with(R"("listenerPath": "/run/x")"), "/listenerPath is not supported yet");
  EXPECT_EQ(with(R"("architectures": ["X86"])"), "/architectures/0: unknown architecture \"X86\"");
  EXPECT_EQ(with(R"("archMap": [{"architecture": 3}])"), "/archMap/0/architecture: expected a string");
  EXPECT_EQ(with(R"("archMap": [{"architecture": "SCMP_ARCH_X86_64"}], "architectures": ["SCMP_ARCH_X86"])"),
            "/archMap: use either \"architectures\" or \"archMap\"");
  EXPECT_EQ(with(R"("flags": ["LOUD"])"), "/flags/0: unknown flag \"LOUD\"");
  EXPECT_EQ(with(R"("syscalls": [{"names": ["read"]}])"), "/syscalls/0/action: it is missing");
  EXPECT_EQ(with(R"("syscalls": [{"action": "SCMP_ACT_LOG"}])"), "/syscalls/0/names: it is missing");
  EXPECT_EQ(with(R"("syscalls": [{"name": "a", "names": ["b"]}])"),
            "/syscalls/0/names: use either \"name\" or \"names\"");
  const auto rule = [&](const std::string& more) {
    return with(R"("syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", )" + more + "}]");
  };
  EXPECT_EQ(rule(R"("errnoRet": 4096)"), "/syscalls/0/errnoRet: expected an integer from 0 to 4095");
  EXPECT_EQ(rule(R"("args": [{"index": 6, "op": "SCMP_CMP_EQ"}])"),
            "/syscalls/0/args/0/index: expected an integer from 0 to 5");
  EXPECT_EQ(rule(R"("args": [{"op": "=="}])"), "/syscalls/0/args/0/op: unknown operator \"==\"");
  EXPECT_EQ(rule(R"("args": [{"value": 1}])"), "/syscalls/0/args/0/op: it is missing");
  EXPECT_EQ(rule(R"("includes": {"caps": ["CHOWN"]})"),
            "/syscalls/0/includes/caps/0: expected a capability such as \"CAP_CHOWN\"");
  EXPECT_EQ(rule(R"("excludes": {"minKernel": "new"})"),
            "/syscalls/0/excludes/minKernel: expected a version of the kernel such as \"4.8\"");
}

TEST(SeccompProfile, IsRefusedWhenTheKernelWouldNotTakeTheProgram) {
  std::string rules;
  for (int i = 0; i < 2500; i++)
    rules += std::string(i ? "," : "") + R"({"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": )" +
             std::to_string(i % 2 + 1) + R"(, "args": [{"index": 0, "value": )" + std::to_string(i) +
             R"(, "op": "SCMP_CMP_EQ"}]})";
  EXPECT_NE(failure(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)" + rules + "]}")
                .find("the kernel takes 4096"),
            std::string::npos);
}

}  // namespace
}  // namespace tare::engine
