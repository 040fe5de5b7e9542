#include "runtime/make_plan.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/error.h"
#include "runtime/mount_options.h"

namespace tare::runtime {
namespace {

using plan::Kind;
using Words = std::vector<std::string>;

oci::RuntimeConfig smallest() {
  oci::RuntimeConfig config;
  config.root.path = HostPath("/srv/rootfs");
  config.process.args = {"/bin/true"};
  config.namespaces = {{oci::NamespaceKind::mount, ""}, {oci::NamespaceKind::uts, ""}};
  config.hostname = "harbour";
  return config;
}

std::string refusal(const oci::RuntimeConfig& config, ErrorKind kind) {
  try {
    make_plan(config, {}, "name");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "accepted";
}

std::string mount_refusal(const oci::Mount& mount) {
  oci::RuntimeConfig config = smallest();
  config.mounts = {mount};
  return refusal(config, ErrorKind::invalid);
}

std::ptrdiff_t count(const plan::Program& program, Kind kind) {
  return std::ranges::count(program.entries, kind, &plan::Entry::kind);
}

TEST(CommandCandidates, AreWhereExecvpWouldLook) {
  EXPECT_EQ(command_candidates({"sh"}, {"PATH=/a:/b"}), (Words{"/a/sh", "/b/sh"}));
  EXPECT_EQ(command_candidates({"sh"}, {"PATH=:/a::rel:"}),
            (Words{"./sh", "/a/sh", "./sh", "rel/sh", "./sh"}));
  EXPECT_EQ(command_candidates({"sh"}, {"PATH="}), Words{"./sh"});
  EXPECT_EQ(command_candidates({"sh"}, {"XPATH=/x", "PATHS=/y"}).size(), 6U) << "the usual places";
  EXPECT_EQ(command_candidates({"sh"}, {"PATH=/a", "PATH=/b"}), Words{"/b/sh"});
  for (const char* path : {"/bin/sh", "./sh", "bin/sh", "../sh", "/"})
    EXPECT_EQ(command_candidates({path}, {"PATH=/a"}), Words{path});
}

TEST(CommandCandidates, AreNoneWithoutACommand) {
  EXPECT_THROW(command_candidates({}, {}), Error);
  EXPECT_THROW(command_candidates({""}, {}), Error);
}

TEST(MakePlan, RefusesNamespacesThatItCannotMake) {
  oci::RuntimeConfig config = smallest();
  config.namespaces.push_back({oci::NamespaceKind::user, ""});
  EXPECT_EQ(refusal(config, ErrorKind::invalid),
            "no uid mapping has the container's uid 0 (the container's first process starts as that)");
  config.uid_mappings = config.gid_mappings = {{.container = 0, .host = 1000, .size = 10}};
  for (const auto kind : {oci::NamespaceKind::pid, oci::NamespaceKind::ipc, oci::NamespaceKind::cgroup}) {
    config.namespaces = {{oci::NamespaceKind::user, ""}, {oci::NamespaceKind::mount, ""}};
    for (const auto other : {oci::NamespaceKind::pid, oci::NamespaceKind::ipc, oci::NamespaceKind::cgroup})
      if (other != kind) config.namespaces.push_back({other, ""});
    EXPECT_TRUE(refusal(config, ErrorKind::unsupported).starts_with("with a user namespace of its own"));
    config.namespaces.push_back({kind, ""});
    EXPECT_EQ(refusal(config, ErrorKind::unsupported), "accepted");
    config.namespaces.push_back({oci::NamespaceKind::network, "/proc/1/ns/net"});
    EXPECT_TRUE(refusal(config, ErrorKind::unsupported).starts_with("with a user namespace of its own"));
  }
  config.uid_mappings.clear();
  config.namespaces = {{oci::NamespaceKind::pid, ""}};
  EXPECT_NE(refusal(config, ErrorKind::unsupported), "accepted");
  config.time_offsets = {{.clock = "boottime", .seconds = 1}};
  config.namespaces = {{oci::NamespaceKind::mount, ""}};
  EXPECT_EQ(refusal(config, ErrorKind::invalid), "/linux/timeOffsets: there is no new time namespace");
}

TEST(MakePlan, HasTheFirstProcessOfNewPidsBornIntoItsTime) {
  oci::RuntimeConfig config = smallest();
  config.namespaces = {
      {oci::NamespaceKind::mount, ""}, {oci::NamespaceKind::pid, ""}, {oci::NamespaceKind::time, ""}};
  config.time_offsets = {{.clock = "boottime", .seconds = -7, .nanoseconds = 5}};
  const plan::Program program = make_plan(config, {}, "name");
  EXPECT_EQ(program.namespaces, static_cast<std::uint64_t>(CLONE_NEWNS));
  const auto unshare = std::ranges::find(program.entries, Kind::unshare, &plan::Entry::kind);
  ASSERT_NE(unshare, program.entries.end());
  EXPECT_EQ(unshare->a, static_cast<std::uint64_t>(CLONE_NEWPID | CLONE_NEWTIME));
  EXPECT_EQ(unshare[1].text, "boottime -7 5\n");
  EXPECT_EQ(unshare[2].kind, Kind::fork_process);
}

TEST(MakePlan, SetsAHostnameOnlyWhereThereIsOne) {
  oci::RuntimeConfig config = smallest();
  EXPECT_EQ(count(make_plan(config, {}, "name"), Kind::set_hostname), 1);
  config.hostname.clear();
  EXPECT_EQ(count(make_plan(config, {}, "name"), Kind::set_hostname), 0);
  config = smallest();
  config.namespaces = {{oci::NamespaceKind::mount, ""}};
  EXPECT_EQ(count(make_plan(config, {}, "name"), Kind::set_hostname), 0) << "it would be the host's";
}

TEST(MakePlan, RefusesMountsThatWouldHideTheRootOrFakeProc) {
  for (const char* path :
       {"", "data", "./data", "/", "//", "/proc/self", "/proc/sys", "/proc/1/attr", "/proc/"})
    EXPECT_NE(mount_refusal({.destination = ContainerPath(path), .type = "bind", .source = "/x"}), "accepted")
        << path;
  EXPECT_NE(mount_refusal({.destination = ContainerPath("/proc"), .type = "bind", .source = "/x"}),
            "accepted");
  EXPECT_NE(mount_refusal({.destination = ContainerPath("/proc"), .type = "tmpfs"}), "accepted");
  EXPECT_EQ(mount_refusal({.destination = ContainerPath("/proc"), .type = "proc"}), "accepted");
  for (const char* path : {"/proc/cpuinfo", "/proc/meminfo", "/process", "/procs/self"})
    EXPECT_EQ(mount_refusal({.destination = ContainerPath(path), .type = "bind", .source = "/x"}), "accepted")
        << path;
}

TEST(MakePlan, RefusesOptionsOfAFileSystemForABind) {
  const std::string words = mount_refusal(
      {.destination = ContainerPath("/data"), .type = "bind", .source = "/x", .options = {"ro", "size=1"}});
  EXPECT_TRUE(words.starts_with("mount /data: unknown option \"size")) << words;
}

TEST(MakePlan, FollowsNoSymlinkToWhereTheKernelsFilesAre) {
  oci::RuntimeConfig config = smallest();
  for (const char* path : {"/proc", "/sys", "/sys/fs/x", "/dev", "/dev/pts", "/data", "/devices", "/system"})
    config.mounts.push_back(
        {.destination = ContainerPath(path), .type = std::string(path) == "/proc" ? "proc" : "tmpfs"});
  for (const auto& entry : make_plan(config, {}, "name").entries) {
    if (entry.kind != Kind::attach) continue;
    const bool is_free = entry.path == "/data" || entry.path == "/devices" || entry.path == "/system";
    EXPECT_EQ((entry.flags & plan::no_symlinks) == 0, is_free) << entry.path;
  }
}

TEST(MakePlan, RefusesDevicesOutsideOfDevAndTerminalsWithoutOne) {
  oci::RuntimeConfig config = smallest();
  config.process.terminal = true;
  EXPECT_NE(refusal(config, ErrorKind::unsupported), "accepted");
  config.mounts = {{.destination = ContainerPath("/dev"), .type = "tmpfs"}};
  EXPECT_EQ(refusal(config, ErrorKind::unsupported), "accepted");
  for (const char* path : {"/data/null", "/devnull", "/dev"}) {
    config.devices = {{.path = ContainerPath(path), .major = 1, .minor = 3}};
    EXPECT_NE(refusal(config, ErrorKind::unsupported), "accepted") << path;
  }
}

TEST(MakePlan, GivesNoMoreCapabilitiesThanTheCallerHas) {
  oci::RuntimeConfig config = smallest();
  config.process.capabilities = {
      .bounding = 0xff, .effective = 0xf, .permitted = 0xff, .inheritable = 0xf0, .ambient = 0xf0};
  HostFacts facts;
  facts.capabilities = 0x55;
  const plan::Program program = make_plan(config, facts, "name");
  const auto set = std::ranges::find(program.entries, Kind::set_capabilities, &plan::Entry::kind);
  ASSERT_NE(set, program.entries.end());
  EXPECT_EQ(set->a, 0x55U);
  EXPECT_EQ(set->b, 0x50U);
  EXPECT_EQ(set->effective, 0x5U);
  EXPECT_EQ(set->ambient, 0x50U);
}

TEST(MakePlan, UsesNoSlotBeforeSomethingIsInIt) {
  oci::RuntimeConfig config = smallest();
  config.process.terminal = true;
  config.mounts = {
      {.destination = ContainerPath("/dev"), .type = "tmpfs"},
      {.destination = ContainerPath("/data"), .type = "bind", .source = "/x", .options = {"ro"}}};
  config.masked_paths = {"/proc/kcore"};
  const plan::Program program = make_plan(config, {}, "name");
  std::vector<bool> filled(static_cast<std::size_t>(program.slot_count), false);
  for (const auto& input : program.inputs) filled.at(static_cast<std::size_t>(input.slot)) = true;
  for (const auto& entry : program.entries) {
    const bool names_a_slot = entry.slot != plan::no_slot && entry.kind != Kind::set_rlimit;
    EXPECT_TRUE(!names_a_slot || filled.at(static_cast<std::size_t>(entry.slot)))
        << static_cast<int>(entry.kind);
    if (entry.into != plan::no_slot) filled.at(static_cast<std::size_t>(entry.into)) = true;
    if (entry.kind == Kind::attach_root) filled[0] = true;
  }
}

TEST(MakePlan, EndsWithTheConversationAndTheExec) {
  const plan::Program program = make_plan(smallest(), {}, "name");
  ASSERT_GE(program.entries.size(), 3U);
  const auto from_end = [&](std::size_t n) { return program.entries[program.entries.size() - n].kind; };
  EXPECT_EQ(from_end(1), Kind::execute);
  EXPECT_EQ(from_end(2), Kind::close_descriptors);
  EXPECT_EQ(from_end(3), Kind::synchronise);
}

}  // namespace
}  // namespace tare::runtime
