// Pictures of fixed data, compared with the files in pictures/, which tests/engine/pictures.bats opens in a
// browser. After a change on purpose: TARE_UPDATE_GOLDEN=1 writes them anew, and one looks at them.
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>

#include "base/format.h"
#include "explain/svg.h"
#include "sys/file.h"
#include "trace/svg.h"

namespace tare {
namespace {

constexpr std::int64_t us = 1000, ms = 1000 * us, second = 1000 * ms, hour = 3600 * second;

trace::Operation operation(std::string words, std::int64_t begin, std::int64_t end, int depth = 0,
                           bool waits = false) {
  trace::Operation one{.words = std::move(words), .begin = begin, .end = end, .depth = depth, .waits = waits};
  const std::int64_t length = end - begin;
  for (std::int64_t at = begin + length / 8; !waits && length < second && at + length / 8 < end;
       at += std::max(length / 3, 15 * us))
    one.calls.push_back({"openat", "3, \"etc\", O_PATH", "5", at, at + length / 16});
  return one;
}

// `runs`: how long the user's program does.
trace::Trace typical(std::int64_t runs) {
  trace::Trace trace{
      .title = "tare run --rm ./busybox.tar sh -c 'echo hello'", .wall = 11 * ms + runs, .lanes = {}};
  trace.lanes = {{"tare", 4101, {}}, {"monitor", 4102, {}}, {"tare-init", 4103, {}}};
  auto& tare = trace.lanes[0].operations;
  auto& monitor = trace.lanes[1].operations;
  auto& init = trace.lanes[2].operations;
  tare = {operation("read the command line", 0, 180 * us),
          operation("find the layer of ./busybox.tar", 180 * us, 820 * us),
          operation("hash the tarball's begin", 300 * us, 700 * us, 1),
          operation("claim the name", 820 * us, 910 * us),
          operation("make the configuration", 910 * us, 1000 * us),
          operation("make the plan", 1000 * us, 1340 * us),
          operation("launch the monitor", 1340 * us, 2100 * us),
          operation("wait for the container's end", 2100 * us, 10 * ms + runs, 0, true),
          operation("print what is left of the output", 10 * ms + runs, 10100 * us + runs),
          operation("give the name back", 10100 * us + runs, 10900 * us + runs)};
  monitor = {operation("leave the session", 2000 * us, 2150 * us),
             operation("make the cgroup", 2150 * us, 3900 * us),
             operation("write memory.limit_in_bytes", 2600 * us, 2640 * us, 1),
             operation("write pids.max", 2700 * us, 2730 * us, 1),
             operation("clone tare-init into its namespaces", 3900 * us, 4900 * us),
             operation("wait for tare-init", 4900 * us, 7300 * us, 0, true),
             operation("note what runs", 7300 * us, 7500 * us),
             operation("wait for the program's end", 7500 * us, 8 * ms + runs, 0, true),
             operation("write the exit code", 8 * ms + runs, 8300 * us + runs),
             operation("remove the cgroup", 8300 * us + runs, 9700 * us + runs)};
  std::int64_t at = 4850 * us;
  for (const auto& [words, length] : std::initializer_list<std::pair<const char*, int>>{
           {"make the mounts private", 40},  {"mount the overlay on /", 620},
           {"mount proc on /proc", 130},     {"mount tmpfs on /dev", 60},
           {"make /dev/null", 12},           {"make /dev/zero", 11},
           {"make /dev/full", 10},           {"make /dev/random", 10},
           {"make /dev/urandom", 11},        {"make /dev/tty", 9},
           {"mount devpts on /dev/pts", 90}, {"mount mqueue on /dev/mqueue", 70},
           {"mount tmpfs on /dev/shm", 45},  {"mount sysfs on /sys", 110},
           {"bind /etc/hosts", 30},          {"bind /etc/hostname", 28},
           {"bind /etc/resolv.conf", 27},    {"mask /proc/keys", 14},
           {"mask /proc/timer_list", 13},    {"make /proc/sys read-only", 16},
           {"enter the new root", 240},      {"set the host name", 4},
           {"drop capabilities", 18},        {"set no_new_privs", 2},
           {"load the seccomp filter", 310}}) {
    init.push_back(operation(words, at, at + length * us));
    at += length * us + 3 * us;
  }
  init.push_back(operation("wait for the monitor's word", at, 7550 * us, 0, true));
  init.push_back(operation("sh -c 'echo hello' runs", 7550 * us, 7950 * us + runs));
  return trace;
}

trace::Trace failed() {
  trace::Trace trace = typical(0);
  trace.title = "tare run --rm ./busybox.tar n\xc3\xb6 <such> \"command\" & more: not found";
  auto& init = trace.lanes[2].operations;
  init.resize(8);
  init.push_back(operation("execute n\xc3\xb6 <such> \"command\" & more", 6200 * us, 6400 * us));
  init.back().calls.push_back({"execve", "\"/bin/n\xc3\xb6\"", "-1 ENOENT", 6300 * us, 6350 * us});
  return trace;
}

trace::Trace large() {
  trace::Trace trace = typical(0);
  trace.title =
      "300 operations, and a title that is so long that no picture could ever have the room for all of "
      "its words, however small these would be written";
  for (auto& lane : trace.lanes) {
    lane.operations.clear();
    for (int i = 0; i < 100; i++) {
      const std::int64_t begin = i * 110 * us + lane.process % 7 * 3 * us;
      lane.operations.push_back(operation(format("operation {} of this lane", i), begin,
                                          begin + (i * 37 % 101 + 2) * us, i % 4 == 3 ? 1 : 0, i % 10 == 9));
    }
  }
  return trace;
}

trace::Trace small() {
  return {.title = "tare run", .wall = 40 * us, .lanes = {{"tare", 0, {operation("refuse", 0, 40 * us)}}}};
}

explain::Namespace space(const char* kind, std::uint64_t inode, bool hosts = false,
                         std::vector<std::string> containers = {}) {
  return {.kind = kind, .inode = inode, .is_hosts = hosts, .containers = std::move(containers)};
}

explain::Mount mount(const char* where, const char* type, const char* origin, std::string from = "",
                     bool read_only = false) {
  return {.where = where,
          .type = type,
          .options = {read_only ? "ro" : "rw"},
          .filesystem_options = {},
          .origin = origin,
          .from = std::move(from),
          .layers = {},
          .size = {},
          .is_read_only = read_only};
}

explain::Container web() {
  explain::Container one;
  one.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  one.name = "web";
  one.pid = 4103;
  one.namespaces = {space("cgroup", 4026532250),     space("ipc", 4026532179),
                    space("mnt", 4026532177),        space("net", 4026532181),
                    space("pid", 4026532180),        space("time", 4026531834, true),
                    space("user", 4026531837, true), space("uts", 4026532178)};
  one.uid_mappings = one.gid_mappings = {{0, 0, 4294967295U}};
  one.limits.cgroups = {{"", "/tare-0123456789ab"}};
  one.limits.memory = Bytes{12} << 20;
  one.limits.memory_limit = Bytes{64} << 20;
  one.limits.processes = 3;
  one.limits.processes_limit = 20;
  one.limits.cpu_quota = 50000;
  one.limits.cpu_period = 100000;
  one.limits.cpu_nanoseconds = 1234567890;
  one.limits.cpu_weight = 100;
  one.limits.cpus = "0-1";
  one.mounts = {
      mount("/", "overlay", explain::origin::root, "/var/lib/tare/containers/0123456789ab/upper"),
      mount("/proc", "proc", explain::origin::kernel),
      mount("/dev", "tmpfs", explain::origin::memory),
      mount("/dev/null", "devtmpfs", explain::origin::device, "/dev/null"),
      mount("/sys", "sysfs", explain::origin::kernel, "", true),
      mount("/etc/hosts", "ext4", explain::origin::own_file, "/var/lib/tare/containers/0123456789ab/hosts"),
      mount("/data", "ext4", explain::origin::bind, "/srv/data", true),
      mount("/notes", "ext4", explain::origin::volume, "notes"),
      mount("/proc/keys", "tmpfs", explain::origin::masked),
      mount("/proc/sys", "proc", explain::origin::protection, "", true)};
  one.mounts[0].layers = {"/var/lib/tare/layers/sha256/aaaa/tree", "/var/lib/tare/layers/sha256/bbbb/tree"};
  one.mounts[2].size = Bytes{64} << 10;
  one.rights.pid = one.pid;
  one.rights.capabilities.effective = 0xa80425fb;
  one.rights.last_capability = 40;
  one.rights.seccomp = {
      .mode = 2, .filters = 1, .policy = "default", .calls_allowed = 309, .blocked = {"mounting"}};
  const auto add = [&one](int pid, int inner, const char* command) {
    one.processes.push_back({.pid = pid,
                             .inner_pid = inner,
                             .user = 0,
                             .user_name = "root",
                             .inner_user = 0,
                             .state = "S",
                             .command = command});
  };
  add(4103, 1, "httpd -f -p 8080");
  add(4110, 7, "sh -c while :; do date; sleep 60; done");
  add(4111, 8, "sleep 60");
  one.ports = {{.protocol = "tcp", .address = "0.0.0.0", .port = 8080}};
  return one;
}

explain::Container crowded() {
  explain::Container one = web();
  // NOLINTBEGIN(misc-misleading-bidirectional): what turns the direction is what is tested
  const std::string hostile =
      "<b>&\"'\x1b[31m \xe2\x80\xae \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 "
      "\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x90\xb3 \xff WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW";
  // NOLINTEND(misc-misleading-bidirectional)
  one.name = hostile + hostile + hostile;
  one.namespaces = {space("cgroup", 4026532250),
                    space("ipc", 4026532179, false, {"db", "cache"}),
                    space("mnt", 4026532177),
                    space("net", 4026532181, false, {hostile}),
                    space("pid", 4026531836, true, {"db"}),
                    space("time", 4026532300),
                    space("user", 4026532301),
                    space("uts", 4026532178)};
  one.uid_mappings = one.gid_mappings = {{0, 100000, 65536}};
  for (int i = 0; i < 60; i++) {
    one.mounts.push_back(
        mount("/bound", "ext4", explain::origin::bind, format("/{}/{}", hostile, i), i % 2 == 0));
    one.mounts.push_back(mount("/hidden", "tmpfs", explain::origin::masked));
    one.mounts.back().where = format("/proc/{}/{}", i, i % 3 == 0 ? hostile : "x");
    one.mounts[0].layers.push_back(format("/var/lib/tare/layers/sha256/{}/tree", i));
    one.processes.push_back({.pid = 4194000 + i,
                             .inner_pid = 4194000 + i,
                             .user = 100000,
                             .user_name = hostile,
                             .inner_user = 0,
                             .state = "S",
                             .command = hostile});
  }
  one.rights.label = hostile;
  one.limits = {};
  return one;
}

struct Picture {
  const char* name;
  std::function<std::string()> draw;
};

void PrintTo(const Picture& picture, std::ostream* out) { *out << picture.name; }

const Picture pictures[] = {
    {"explain_web", [] { return explain::to_svg(web()); }},
    {"explain_crowded", [] { return explain::to_svg(crowded()); }},
    {"timeline_small", [] { return trace::to_svg(small()); }},
    {"timeline_typical", [] { return trace::to_svg(typical(400 * us)); }},
    {"timeline_hours", [] { return trace::to_svg(typical(3 * hour)); }},
    {"timeline_failed", [] { return trace::to_svg(failed()); }},
    {"timeline_large", [] { return trace::to_svg(large()); }},
};

class Pictures : public testing::TestWithParam<Picture> {};

TEST_P(Pictures, AreAsInTheFile) {
  const std::string path = format("{}/tests/golden/pictures/{}.svg", TARE_SOURCE_DIR, GetParam().name);
  const std::string drawn = GetParam().draw();
  if (const char* update = std::getenv("TARE_UPDATE_GOLDEN"); update && std::string_view(update) == "1") {
    sys::replace_file(sys::here, path, drawn);
    FAIL() << path << " was written anew; look at it, and run without TARE_UPDATE_GOLDEN";
  }
  // Not EXPECT_EQ, which would print both.
  EXPECT_TRUE(sys::try_read_file(sys::here, path) == drawn) << path;
}

INSTANTIATE_TEST_SUITE_P(Golden, Pictures, testing::ValuesIn(pictures),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace tare
