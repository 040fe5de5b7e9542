#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "explain/capability_words.h"
#include "explain/compare.h"
#include "explain/json.h"
#include "explain/mounts.h"
#include "explain/namespaces.h"
#include "explain/ports.h"
#include "explain/print.h"
#include "explain/proc_text.h"
#include "explain/processes.h"
#include "explain/rights.h"
#include "explain/seccomp_words.h"
#include "explain/shown.h"
#include "runtime/default_filter.h"
#include "sys/file.h"

namespace tare::explain {
namespace {

// A host with one disk, and a container's mounts as the kernel lists them.
constexpr auto host_mounts =
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    "24 27 0:6 / /dev rw - devtmpfs devtmpfs rw,size=12k\n"
    "40 27 254:1 /part /data rw shared:3 master:1 - xfs /dev/vdb rw\n";
constexpr auto container_mounts =
    "50 1 0:59 / / ro,relatime - overlay overlay "
    "rw,lowerdir=/layers/a\\134:b:/layers/c::/data/only,upperdir=/r/containers/ID/upper,workdir=/r/w\n"
    "51 50 0:61 / /proc rw,nosuid - proc proc rw\n"
    "52 51 0:61 /sys /proc/sys ro,nosuid - proc proc rw\n"
    "53 51 0:6 /null /proc/keys ro - devtmpfs devtmpfs rw\n"
    "54 51 0:67 / /proc/acpi ro - tmpfs tmpfs rw,size=4k,nr_inodes=2\n"
    "55 50 0:62 / /tmp rw - tmpfs tmpfs rw,size=1024k\n"
    "56 50 254:0 /r/volumes/notes/_data /notes rw - ext4 /dev/vda rw\n"
    "57 50 254:0 /r/containers/ID/hosts /etc/hosts rw - ext4 /dev/vda rw\n"
    "58 50 254:1 /part/deep /deep ro master:4 - xfs /dev/vdb rw\n"
    "59 50 254:1 /elsewhere /lost rw - xfs /dev/vdb rw\n"
    "60 50 0:6 /fuse /dev/fuse ro - devtmpfs devtmpfs rw\n"
    "61 50 254:0 /a\\040b\\012c\\134d /e\\033[31m\\040f rw - ext4 /dev/vda ro\n";

std::vector<Mount> explained(std::string_view text) {
  return explain_mounts(parse_mountinfo(text), {.host = parse_mountinfo(host_mounts),
                                                .volumes = HostPath("/r/volumes"),
                                                .own_directory = HostPath("/r/containers/ID"),
                                                .layers = {}});
}

const Mount* find(const std::vector<Mount>& mounts, std::string_view where) {
  const auto found = std::ranges::find(mounts, where, &Mount::where);
  return found == mounts.end() ? nullptr : &*found;
}

TEST(ExplainMounts, SayWhereEachComesFrom) {
  const auto mounts = explained(container_mounts);
  ASSERT_EQ(mounts.size(), 12U);
  const auto expect = [&](std::string_view where, std::string_view from_where, std::string_view from) {
    const Mount* mount = find(mounts, where);
    ASSERT_TRUE(mount) << where;
    EXPECT_EQ(mount->origin, from_where) << where;
    EXPECT_EQ(mount->from, from) << where;
  };
  expect("/", origin::root, "/r/containers/ID/upper");
  expect("/proc", origin::kernel, "");
  expect("/proc/sys", origin::protection, "");
  expect("/proc/keys", origin::masked, "");
  expect("/proc/acpi", origin::masked, "");
  expect("/tmp", origin::memory, "");
  expect("/notes", origin::volume, "notes");
  expect("/etc/hosts", origin::own_file, "/r/containers/ID/hosts");
  expect("/deep", origin::bind, "/data/deep");
  expect("/lost", origin::other, "");
  expect("/dev/fuse", origin::device, "/dev/fuse");
  EXPECT_EQ(find(mounts, "/tmp")->size, 1 << 20);
  EXPECT_TRUE(find(mounts, "/")->is_read_only);
  EXPECT_FALSE(find(mounts, "/tmp")->is_read_only);
}

TEST(ExplainMounts, TakeTheNamesOfLayersApartAsOverlayfsDoes) {
  EXPECT_EQ(explained(container_mounts)[0].layers,
            (std::vector<std::string>{"/layers/a:b", "/layers/c", "/data/only"}));
  const auto lines =
      parse_mountinfo("1 0 0:9 / / rw - overlay o rw,lowerdir=/proc/self/fd/3:/proc/self/fd/4\n");
  const auto mounts =
      explain_mounts(lines, {.host = {}, .volumes = {}, .own_directory = {}, .layers = {"/a", "/b"}});
  EXPECT_EQ(mounts[0].layers, (std::vector<std::string>{"/a", "/b"})) << "by our record";
}

TEST(ExplainMounts, KeepHostilePathsWholeAndHarmless) {
  const Mount mount = explained(container_mounts).back();
  EXPECT_EQ(mount.where, "/e\x1b[31m f");
  EXPECT_EQ(mount.from, "/a b\nc\\d");
  EXPECT_TRUE(mount.is_read_only) << "the file system is";
  Container container{.id = "0123456789abcdef", .name = "x", .mounts = explained(container_mounts)};
  const std::string text = print(container);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("/e\\x1b[31m f"), std::string::npos) << text;
  EXPECT_NE(text.find("the host's /a b\\x0ac\\\\d"), std::string::npos) << text;
}

TEST(ExplainMounts, PassOverWhatIsNoLine) {
  for (const char* text : {"", "\n\n", " - ", "1 2 3", "a b c d e f - g", "1 2 0:1 / relative rw - x y z",
                           "1 1 0:1 \\ \\04 rw -  - "})
    EXPECT_TRUE(parse_mountinfo(text).empty()) << text;
  EXPECT_EQ(parse_mountinfo("1 1 0:1 \\777 /\\ rw - t s").size(), 1U);
  EXPECT_EQ(unescape_octal("\\040\\134\\04\\999\\"), " \\\\04\\999\\");
  const auto odd = explained(
      "9 9 0:9 / /x rw - tmpfs t rw,size=99999999999999999999k\n9 9 0:8 / /y rw - tmpfs t rw,size=");
  EXPECT_FALSE(odd[0].size);
  EXPECT_FALSE(odd[1].size);
}

TEST(ExplainIds, AreToldInWords) {
  EXPECT_EQ(id_map_words(parse_id_map("         0          0 4294967295\n")), "every id is the host's own");
  const auto mappings = parse_id_map("0 100000 65536\n70000 5 1\nnonsense\n");
  EXPECT_EQ(id_map_words(mappings), "0-65535 inside are 100000-165535 outside, 70000 inside is 5 outside");
  EXPECT_EQ(inner_id(mappings, 100'007), 7U);
  EXPECT_EQ(inner_id(mappings, 5), 70'000U);
  EXPECT_EQ(inner_id(mappings, 0), std::nullopt);
  EXPECT_EQ(id_map_words({}), "no id has been given to it");
}

TEST(ExplainNamespaces, TellWhoSharesThem) {
  EXPECT_EQ(sharing_words({.is_hosts = true}), "the host's");
  EXPECT_EQ(sharing_words({.is_hosts = true, .containers = {"a", "b"}}),
            "the host's, as that of 2 other containers");
  EXPECT_EQ(sharing_words({.containers = {"a", "b"}}), "shared with a, b");
  EXPECT_EQ(sharing_words({}), "its own");
}

TEST(ExplainProcesses, AreReadFromTheirStatus) {
  const auto process =
      parse_process("Name:\tsh\nState:\tS (sleeping)\nPid:\t4711\nUid:\t1\t2\t3\t4\nNSpid:\t4711\t12\t1\n",
                    std::string_view("sh\0-c\0x y\0", 10));
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid, 4711);
  EXPECT_EQ(process->inner_pid, 1);
  EXPECT_EQ(process->user, 2U);
  EXPECT_EQ(process->state, "S");
  EXPECT_EQ(process->command, "sh -c x y");
  EXPECT_EQ(parse_process("Name:\t\\033[2J\nPid:\t9\n", "")->command, "[\\033[2J]");
  EXPECT_FALSE(parse_process("", "sh"));
}

TEST(ExplainProcesses, MayEndWhileTheyAreRead) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const auto directory = sys::open_at(sys::here, "/proc/" + std::to_string(pid), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(value_of(read_some(directory, "status"), "State"), "Z (zombie)");
  ::waitpid(pid, nullptr, 0);
  for (const char* file : {"status", "mountinfo", "uid_map", "cmdline", "net/tcp", "attr/current", "absent"})
    EXPECT_EQ(read_some(directory, file), "") << file;
  EXPECT_TRUE(read_processes({pid, 0x3fffffff}, {}).empty());
  EXPECT_TRUE(read_namespaces(directory, {}).empty());
  EXPECT_TRUE(read_ports(directory).empty());
}

TEST(ExplainText, IsBounded) {
  EXPECT_EQ(read_some(sys::here, "/dev/zero", 100'000).size(), 100'000U);
  EXPECT_EQ(value_of("A:\t1\nAB:\t 2\n", "AB"), "2");
  EXPECT_EQ(value_of("A:\t1\nA:\t2\n", "B"), "");
}

TEST(ExplainPorts, AreThoseThatListen) {
  const auto tcp = parse_inet_sockets(
      "  sl  local_address rem_address   st\n"
      "   0: 0100007F:1F90 00000000:0000 0A 0:0\n"
      "   1: 0100007F:1F90 00000000:0000 0A 0:0\n"
      "   2: 00000000:0016 00000000:0000 0A 0:0\n"
      "   3: 0100007F:0017 0100007F:1000 01 0:0\n"
      "   4: garbage 0 0A\n\n   5: 01:02 0 0A",
      "tcp");
  ASSERT_EQ(tcp.size(), 2U);
  EXPECT_EQ(tcp[0].address, "0.0.0.0");
  EXPECT_EQ(tcp[0].port, 22);
  EXPECT_EQ(tcp[1].address, "127.0.0.1");
  EXPECT_EQ(tcp[1].port, 8080);
  const auto udp6 = parse_inet_sockets("x\n 0: 00000000000000000000000001000000:0035 0:0 07 0\n", "udp6");
  ASSERT_EQ(udp6.size(), 1U);
  EXPECT_EQ(udp6[0].address, "::1");
  EXPECT_EQ(udp6[0].port, 53);
}

TEST(ExplainPorts, AreUnixSocketsWithANameThatListen) {
  const auto ports = parse_unix_sockets(
      "Num RefCount Protocol Flags Type St Inode Path\n"
      "0000: 00000002 00000000 00010000 0001 01 1 /run/a b\x1b[2J\n"
      "0000: 00000002 00000000 00010000 0001 01 2\n"
      "0000: 00000003 00000000 00000000 0001 03 3 /run/connected\n"
      "0000: 00000002 00000000 00010000 0001 01 4 @abstract\n"
      "broken");
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_EQ(ports[0].address, "/run/a b\x1b[2J");
  EXPECT_EQ(ports[1].address, "@abstract");
}

TEST(ExplainRights, AreReadFromStatusAndLimits) {
  const auto sets = parse_capabilities(
      "CapInh:\t0000000000000001\nCapPrm:\t0000000000000003\nCapEff:\t0000000000000002\n"
      "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000004\n");
  EXPECT_EQ(sets.inheritable, 1U);
  EXPECT_EQ(sets.permitted, 3U);
  EXPECT_EQ(sets.effective, 2U);
  EXPECT_EQ(sets.bounding, 0xa80425fbU);
  EXPECT_EQ(sets.ambient, 4U);
  const std::string host =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n"
      "Max open files            1024                 4096                 files     \n";
  EXPECT_TRUE(compare_limits(host, host).empty());
  std::string other = host;
  other.replace(other.find("1024"), 4, "99  ");
  const auto limits = compare_limits(other, host);
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0].name, "Max open files");
  EXPECT_EQ(limits[0].soft, "99");
  EXPECT_EQ(limits[0].hard, "4096");
  EXPECT_EQ(limits[0].host_soft, "1024");
}

TEST(ExplainRights, HaveWordsForEachCapability) {
  EXPECT_EQ(capability_name(CAP_CHECKPOINT_RESTORE), "CAP_CHECKPOINT_RESTORE");
  for (int i = 0; i <= CAP_LAST_CAP; i++) EXPECT_FALSE(capability_words(i).empty()) << i;
  EXPECT_EQ(capability_name(CAP_LAST_CAP + 1), "CAP_41");
  EXPECT_EQ(capability_words(63), "");
  EXPECT_EQ(capability_words(-1), "");
}

TEST(ExplainSeccomp, NamesWhatTheDefaultPolicyRefuses) {
  const auto blocked = blocked_families(runtime::usual_capabilities);
  EXPECT_NE(std::ranges::find(blocked, "mounting"), blocked.end());
  EXPECT_NE(std::ranges::find(blocked, "eBPF"), blocked.end());
  EXPECT_EQ(std::ranges::find(blocked, "changing the root directory"), blocked.end());
  const auto left = blocked_families(~std::uint64_t{0});
  EXPECT_EQ(std::ranges::find(left, "mounting"), left.end());
  EXPECT_NE(std::ranges::find(left, "io_uring"), left.end()) << "no capability opens it";
  EXPECT_TRUE(is_allowed_by_default("read", 0));
  EXPECT_FALSE(is_allowed_by_default("unshare", 0));
}

TEST(ExplainShown, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(shown("plain ünï 日本 😀"), "plain ünï 日本 😀");
  EXPECT_EQ(shown(std::string_view("\x1b[2J\r\n\t\0\x7f", 9)), "\\x1b[2J\\x0d\\x0a\\x09\\x00\\x7f");
  EXPECT_EQ(shown("\xc2\x9b\x32J"), "\\xc2\\x9b2J");
  EXPECT_EQ(shown("\x9b\xff\xc0\xaf\xed\xa0\x80\xe2\x82"), "\\x9b\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82");
  const char turned[] = {'a', '\xe2', '\x80', '\xae', 'b', 0};
  EXPECT_EQ(shown(turned), "a\\xe2\\x80\\xaeb") << "the direction of writing";
  EXPECT_EQ(shown("\\x1b"), "\\\\x1b");
}

TEST(ExplainJson, SaysWhatTheTextDoesAndIsHarmless) {
  Container container{.id = "ab", .name = "web", .pid = 7};
  container.rights.capabilities.effective = 1 << CAP_KILL;
  container.processes.push_back(
      {.pid = 7, .inner_pid = 1, .user_name = "root", .command = "a\x1b\x7f\xc2\x9b\xff"});
  const std::string text = to_json(container);
  for (const unsigned char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f && c != 0x9b));
  const json::value parsed = json::parse(text);
  EXPECT_EQ(parsed.at("processes").at(0).at("command").as_string(), "a\x1b\x7f\xc2\x9b\xef\xbf\xbd");
  EXPECT_EQ(parsed.at("rights").at("capabilities").at("effective"), json::value(json::array{"CAP_KILL"}));
  EXPECT_TRUE(parsed.at("limits").at("memory_limit").is_null());
}

TEST(ExplainCompare, TellsWhatIsSharedAndWhatIsNot) {
  Container first{.id = "1", .name = "first"}, second{.id = "2", .name = "second"};
  first.namespaces = {{.kind = "net", .inode = 5},
                      {.kind = "uts", .inode = 6},
                      {.kind = "user", .inode = 9, .is_hosts = true}};
  second.namespaces = {{.kind = "net", .inode = 5},
                       {.kind = "uts", .inode = 7},
                       {.kind = "user", .inode = 9, .is_hosts = true}};
  first.mounts = explained(container_mounts);
  second.mounts = {first.mounts[0], first.mounts[6]};
  second.mounts[0].layers = {"/layers/c"};
  first.limits.memory_limit = 64 << 20;
  first.limits.cgroups = second.limits.cgroups = {{.hierarchy = "memory", .path = "/up/x"}};
  second.rights.capabilities.effective = 1 << CAP_KILL;
  const Comparison comparison = compare(first, second);
  EXPECT_EQ(comparison.namespaces, (std::vector<std::string>{"net", "user (the host's)"}));
  EXPECT_EQ(comparison.layers, std::vector<std::string>{"/layers/c"});
  EXPECT_EQ(comparison.volumes, std::vector<std::string>{"notes"});
  EXPECT_EQ(comparison.cgroup_parents, std::vector<std::string>{"/up"});
  const auto difference = [&](std::string_view what) {
    const auto found = std::ranges::find(comparison.differences, what, &Difference::what);
    return found == comparison.differences.end() ? "none" : found->first + "|" + found->second;
  };
  EXPECT_EQ(difference("memory limit"), "64MiB|");
  EXPECT_EQ(difference("capabilities"), "|CAP_KILL");
  EXPECT_EQ(difference("mount /deep"), "read-only bind /data/deep|");
  EXPECT_EQ(difference("mount /notes"), "none");
  EXPECT_EQ(print(comparison).find('\x1b'), std::string::npos);
  EXPECT_NE(print(compare(first, first)).find("do not differ"), std::string::npos);
}

}  // namespace
}  // namespace tare::explain
