// config.json as a struct: what is read, and what a wrong document is told.
#include "runtime/config_json.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::runtime {
namespace {

constexpr std::string_view smallest = R"({"ociVersion": "1.0.2", "root": {"path": "rootfs"}})";

std::string with(std::string_view field) {
  return format(R"({{"ociVersion": "1.3.0", "root": {{"path": "rootfs"}}, {}}})", field);
}
std::string process(std::string_view field) {
  return with(format(R"("process": {{"args": ["a"], "cwd": "/", {}}})", field));
}
std::string linux_with(std::string_view field) { return with(format(R"("linux": {{{}}})", field)); }

std::string error_of(const std::string& text) {
  try {
    parse_config(text);
  } catch (const Error& error) {
    return error.text();
  }
  return "no error";
}

TEST(ConfigJson, TheSmallestDocumentHasAVersionAndARoot) {
  EXPECT_EQ(parse_config(smallest).root.path.value, "rootfs");
  EXPECT_EQ(error_of(R"({"root": {"path": "rootfs"}})"), "/ociVersion: it is missing");
  EXPECT_EQ(error_of(R"({"ociVersion": "1.0.2"})"), "/root: it is missing");
}

TEST(ConfigJson, WhatIsNoConfigIsAnError) {
  for (const char* text : {"", "[]", "null", "1", "{", R"({"ociVersion": "1.0.2", "root": []})"})
    EXPECT_NE(error_of(text), "no error") << text;
}

TEST(ConfigJson, TheProcessIsRead) {
  const auto config = parse_config(process(R"(
    "terminal": true, "consoleSize": {"height": 24, "width": 80}, "env": ["A=1"],
    "user": {"uid": 4294967295, "gid": 2, "umask": 63, "additionalGids": [3, 4]},
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_FROM_THE_FUTURE"], "ambient": ["CAP_KILL"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 18446744073709551615}],
    "noNewPrivileges": true, "oomScoreAdj": -1000, "apparmorProfile": "profile", "selinuxLabel": "label")"));
  const auto& read = config.process;
  EXPECT_TRUE(read.terminal);
  EXPECT_EQ(read.rows, 24);
  EXPECT_EQ(read.columns, 80);
  EXPECT_EQ(read.env, std::vector<std::string>{"A=1"});
  EXPECT_EQ(read.user.uid, 4294967295U);
  EXPECT_EQ(read.user.umask, 077U);
  EXPECT_EQ(read.user.additional_gids, (std::vector<std::uint32_t>{3, 4}));
  EXPECT_EQ(read.capabilities.bounding, 1U);
  EXPECT_EQ(read.capabilities.ambient, 1U << 5);
  ASSERT_EQ(read.rlimits.size(), 1U);
  EXPECT_EQ(read.rlimits[0].resource, RLIMIT_NOFILE);
  EXPECT_EQ(read.rlimits[0].hard, RLIM_INFINITY);
  EXPECT_TRUE(read.no_new_privileges);
  EXPECT_EQ(read.oom_score_adj, -1000);
  EXPECT_EQ(read.apparmor_profile, "profile");
  EXPECT_EQ(read.selinux_label, "label");
}

TEST(ConfigJson, WrongTypesAreToldByTheFieldsPath) {
  EXPECT_EQ(error_of(process(R"("args": ["a", 5])")), "/process/args/1: expected a string");
  EXPECT_EQ(error_of(process(R"("terminal": "yes")")), "/process/terminal: expected true or false");
  EXPECT_EQ(error_of(process(R"("env": {})")), "/process/env: expected an array");
  EXPECT_EQ(error_of(process(R"("user": {"uid": 1.5})")), "/process/user/uid: expected an integer");
  EXPECT_EQ(error_of(process(R"("user": {"uid": -1})")),
            "/process/user/uid: expected an integer from 0 to 4294967295");
  EXPECT_EQ(error_of(process(R"("args": ["a\u0000b"])")), "/process/args/0: a NUL byte is in it");
  EXPECT_EQ(error_of(process(R"("rlimits": [{"type": "RLIMIT_X"}])")),
            "/process/rlimits/0/type: unknown resource limit");
  EXPECT_EQ(error_of(linux_with(R"("namespaces": [{"type": "pid"}, {"type": "pid"}])")),
            "/linux/namespaces/1/type: there are two namespaces of this type");
}

TEST(ConfigJson, NullIsAsNotSet) {
  const auto config = parse_config(linux_with(
      R"("seccomp": null, "resources": {"memory": {"limit": null}, "pids": null}, "devices": null)"));
  EXPECT_FALSE(config.seccomp);
  EXPECT_FALSE(config.resources.memory_limit);
}

TEST(ConfigJson, ZeroIsNoLimitWhereCallersWriteItForNone) {
  const auto resources = parse_config(linux_with(R"("resources": {"memory": {"limit": 0, "swap": 0,
      "disableOOMKiller": false}, "cpu": {"shares": 0, "quota": 0, "period": 0}, "blockIO": {"weight": 0}})"))
                             .resources;
  EXPECT_FALSE(resources.memory_limit);
  EXPECT_FALSE(resources.memory_swap);
  EXPECT_FALSE(resources.cpu_shares);
  EXPECT_FALSE(resources.cpu_quota);
  EXPECT_FALSE(resources.cpu_period);
  EXPECT_FALSE(resources.block_io_weight);
}

TEST(ConfigJson, DevicesAndTheirRulesAreRead) {
  const auto config = parse_config(linux_with(R"(
    "devices": [{"path": "/dev/x", "type": "u", "major": 10, "minor": 20, "fileMode": 438, "uid": 1}],
    "resources": {"devices": [{"allow": false, "access": "rwm"},
                              {"allow": true, "type": "b", "major": 8, "minor": -1, "access": "r"}]})"));
  ASSERT_EQ(config.devices.size(), 1U);
  EXPECT_EQ(config.devices[0].type, 'c');
  EXPECT_EQ(config.devices[0].mode, 0666U);
  const auto& rules = config.resources.devices;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].type, 'a');
  EXPECT_TRUE(rules[0].mknod);
  EXPECT_EQ(rules[1].major, 8U);
  EXPECT_FALSE(rules[1].minor);
  EXPECT_FALSE(rules[1].write);
}

TEST(ConfigJson, SeccompIsReadInTheSpecificationsWords) {
  const auto seccomp = parse_config(linux_with(R"("seccomp": {"defaultAction": "SCMP_ACT_ERRNO",
      "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
      "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1,
        "args": [{"index": 5, "value": 18446744073709551615, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]})"))
                           .seccomp;
  ASSERT_TRUE(seccomp);
  EXPECT_EQ(seccomp->default_action, "SCMP_ACT_ERRNO");
  EXPECT_EQ(seccomp->default_errno_ret, 38U);
  ASSERT_EQ(seccomp->rules.size(), 1U);
  EXPECT_EQ(seccomp->rules[0].args.at(0).value, UINT64_MAX);
  EXPECT_EQ(error_of(linux_with(R"("seccomp": {"syscalls": []})")),
            "/linux/seccomp/defaultAction: it is missing");
}

TEST(ConfigJson, RareLimitsAreReadAndCheckedByName) {
  const auto resources = parse_config(linux_with(R"("resources": {
      "memory": {"swappiness": 60, "disableOOMKiller": true},
      "hugepageLimits": [{"pageSize": "1GB", "limit": 0}],
      "rdma": {"mlx5_1": {"hcaHandles": 3}, "none": {}},
      "blockIO": {"leafWeight": 10, "weightDevice": [{"major": 8, "minor": 1, "weight": 0, "leafWeight": 30}],
                  "throttleReadBpsDevice": [{"major": 8, "minor": 1, "rate": 600}]},
      "network": {"classID": 1048577, "priorities": [{"name": "lo", "priority": 9}]},
      "unified": {"memory.high": "max"}})"))
                             .resources;
  EXPECT_EQ(resources.swappiness, 60U);
  EXPECT_TRUE(resources.no_oom_killer);
  ASSERT_EQ(resources.hugepages.size(), 1U);
  EXPECT_EQ(resources.hugepages[0].page_size, "1GB");
  ASSERT_EQ(resources.rdma.size(), 1U);
  EXPECT_EQ(resources.rdma[0].handles, 3U);
  ASSERT_EQ(resources.device_weights.size(), 1U);
  EXPECT_FALSE(resources.device_weights[0].weight);
  EXPECT_EQ(resources.device_weights[0].leaf_weight, 30);
  ASSERT_EQ(resources.read_bps.size(), 1U);
  EXPECT_EQ(resources.read_bps[0].rate, 600U);
  EXPECT_EQ(resources.network_class, 1048577U);
  EXPECT_EQ(resources.network_priorities.at(0).first, "lo");
  EXPECT_EQ(resources.unified.at(0).second, "max");
  const auto refused = [](const char* text) {
    return error_of(linux_with(format(R"("resources": {{{}}})", text)));
  };
  for (const char* size : {"", "MB", "2", "02MB", "2mb", "2MB/x", "../2MB"})
    EXPECT_EQ(refused(format(R"("hugepageLimits": [{{"pageSize": "{}", "limit": 1}}])", size).c_str()),
              "/linux/resources/hugepageLimits/0/pageSize: expected a size of pages such as 2MB or 1GB");
  EXPECT_EQ(refused(R"("hugepageLimits": [{"limit": 1}])"),
            "/linux/resources/hugepageLimits/0/pageSize: it is missing");
  EXPECT_EQ(refused(R"("unified": {"a/b.c": "1"})"),
            "/linux/resources/unified/a~1b.c: it must be a file name (no slashes)");
  EXPECT_EQ(refused(R"("unified": {"memory": "1"})"),
            "/linux/resources/unified/memory: it must be in the form CONTROLLER.PARAMETER");
  EXPECT_EQ(refused(R"("unified": {"cgroup.procs": "1"})"),
            "/linux/resources/unified/cgroup.procs: this file moves or ends processes, and limits nothing");
  EXPECT_EQ(refused(R"("memory": {"swappiness": 101})"),
            "/linux/resources/memory/swappiness: expected a number from 0 to 100");
  EXPECT_EQ(refused(R"("memory": {"swappiness": 18446744073709551615})"), "no error");
}

TEST(ConfigJson, WhatWouldChangeTheContainerIsRefusedUnlessItIsEmpty) {
  EXPECT_EQ(error_of(linux_with(R"("personality": {"domain": "LINUX", "flags": ["x"]})")),
            "/linux/personality/flags is not supported yet");
  EXPECT_EQ(error_of(linux_with(R"("personality": {"domain": "LINUX", "flags": []})")), "no error");
}

TEST(ConfigJson, HooksAreReadAndAMissingEnvironmentIsNotAnEmptyOne) {
  const auto hooks =
      parse_config(with(R"("hooks": {"prestart": [{"path": "/a", "args": ["a", "b"], "timeout": 3}],
      "poststop": [{"path": "/c", "env": []}]})"))
          .hooks;
  ASSERT_EQ(hooks.prestart.size(), 1U);
  EXPECT_EQ(hooks.prestart[0].path, "/a");
  EXPECT_EQ(hooks.prestart[0].args, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(hooks.prestart[0].timeout, 3);
  EXPECT_FALSE(hooks.prestart[0].env);
  ASSERT_EQ(hooks.poststop.size(), 1U);
  EXPECT_TRUE(hooks.poststop[0].env);
  EXPECT_EQ(error_of(with(R"("hooks": {"poststart": [{"path": "x"}]})")),
            "/hooks/poststart/0/path: it is not an absolute path");
}

TEST(ConfigJson, AProcessOfItsOwnIsReadForExec) {
  EXPECT_EQ(parse_process(R"({"args": ["a", "b"], "cwd": "/x"})").cwd.value, "/x");
  EXPECT_THROW(parse_process(R"({"args": [], "cwd": "/x"})"), Error);
  EXPECT_THROW(parse_process(R"({"args": ["a"], "cwd": "x"})"), Error);
}

}  // namespace
}  // namespace tare::runtime
