// Kernel parameters of a container: which there are, and what becomes of them in a plan.
#include "runtime/kernel_parameters.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::runtime {
namespace {

using oci::NamespaceKind;

// "PATH = VALUE", or why not.
std::string outcome(const std::string& name, const std::string& value, const std::vector<NamespaceKind>& own,
                    std::int32_t proc = 5) {
  oci::RuntimeConfig config;
  for (const auto kind : own) config.namespaces.push_back({kind, ""});
  config.sysctl = {{name, value}};
  plan::Program program;
  try {
    plan_parameters(program, config, proc);
  } catch (const Error& error) {
    return error.text();
  }
  EXPECT_EQ(program.entries.size(), 1U);
  EXPECT_EQ(program.entries[0].kind, plan::Kind::set_parameter);
  EXPECT_EQ(program.entries[0].slot, proc);
  return program.entries[0].path + " = " + program.entries[0].text;
}

TEST(KernelParameters, BelongToANamespaceOrAreRefused) {
  for (const char* name : {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
                           "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "fs.mqueue.msg_max"})
    EXPECT_EQ(namespace_of_parameter(name), NamespaceKind::ipc) << name;
  EXPECT_EQ(namespace_of_parameter("net.ipv4.ip_forward"), NamespaceKind::network);
  EXPECT_EQ(namespace_of_parameter("kernel.domainname"), NamespaceKind::uts);
  for (const char* name :
       {"kernel.hostname", "kernel.core_pattern", "kernel.shm", "vm.swappiness", "net", "", "fs.file-max",
        "network.x", "net..ipv4", "net.ipv4.", "net.//.kernel.panic", "net./.x"})
    EXPECT_FALSE(namespace_of_parameter(name)) << name;
}

TEST(KernelParameters, AreWrittenBelowTheContainersOwnProc) {
  EXPECT_EQ(outcome("net.ipv4.ip_forward", "1", {NamespaceKind::network}), "sys/net/ipv4/ip_forward = 1");
  EXPECT_EQ(outcome("kernel.sem", "1 2 3 4", {NamespaceKind::ipc}), "sys/kernel/sem = 1 2 3 4");
  EXPECT_EQ(outcome("net.ipv4.ip_forward", "1", {NamespaceKind::network}, plan::no_slot),
            "the sysctl \"net.ipv4.ip_forward\" needs a /proc of the container's own");
}

TEST(KernelParameters, HaveNamesInTwoNotations) {
  EXPECT_EQ(normal_parameter_name("net/ipv4/ip_forward"), "net.ipv4.ip_forward");
  EXPECT_EQ(normal_parameter_name("net/ipv4/conf/eth0.1/mtu"), "net.ipv4.conf.eth0/1.mtu");
  EXPECT_EQ(normal_parameter_name("net.ipv4.conf.eth0/1.mtu"), "net.ipv4.conf.eth0/1.mtu");
  EXPECT_EQ(outcome("net/ipv4/conf/eth0.1/mtu", "9", {NamespaceKind::network}),
            "sys/net/ipv4/conf/eth0.1/mtu = 9");
}

TEST(KernelParameters, DoNotLeadOutOfTheirNamespace) {
  for (const char* name : {"net/../kernel/panic", "net.//.kernel.panic", "net/./x", "fs/mqueue/../file-max"})
    EXPECT_EQ(outcome(name, "5", {NamespaceKind::network, NamespaceKind::ipc}),
              "sysctl \"" + normal_parameter_name(name) + "\" is not in a separate kernel namespace");
}

TEST(KernelParameters, OfTheHostAreNotTheContainersToSet) {
  EXPECT_EQ(outcome("net.ipv4.ip_forward", "1", {NamespaceKind::ipc}),
            "sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace");
  EXPECT_EQ(outcome("kernel.msgmax", "1", {NamespaceKind::network}),
            "sysctl \"kernel.msgmax\" is not allowed in the hosts ipc namespace");
  EXPECT_EQ(outcome("kernel.domainname", "x", {NamespaceKind::ipc}),
            "sysctl \"kernel.domainname\" is not in a separate kernel namespace");
  EXPECT_EQ(outcome("vm.swappiness", "1", {NamespaceKind::ipc, NamespaceKind::network, NamespaceKind::uts}),
            "sysctl \"vm.swappiness\" is not in a separate kernel namespace");
  EXPECT_EQ(outcome("kernel.hostname", "x", {NamespaceKind::uts}),
            "sysctl \"kernel.hostname\" is not allowed: the hostname is set by --hostname");
  EXPECT_EQ(outcome("kernel.msgmax", "", {NamespaceKind::ipc}), "sysctl \"kernel.msgmax\" has no value");
}

}  // namespace
}  // namespace tare::runtime
