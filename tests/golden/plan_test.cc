// Plans in words, compared with the files in plans/. They depend on nothing of this machine. After a change
// on purpose: TARE_UPDATE_GOLDEN=1 writes them anew, and the diff is read like code.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "engine/container_config.h"
#include "plan/print.h"
#include "runtime/make_plan.h"
#include "sys/file.h"

namespace tare {
namespace {

const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string directory = "/var/lib/tare/containers/" + id;

constexpr std::uint64_t every_capability = (std::uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;

cgroup::Hierarchy v1(const std::string& name, std::vector<std::string> controllers, bool writable = true) {
  const std::string folder = name.starts_with("name=") ? name.substr(5) : name;
  return {.mount = HostPath("/sys/fs/cgroup/" + folder),
          .name = name,
          .controllers = std::move(controllers),
          .unified = false,
          .own_path = "/",
          .writable = writable};
}

cgroup::Hierarchy v2(const char* mount) {
  return {.mount = HostPath(mount),
          .name = "",
          .controllers = {"cpu", "memory", "pids"},
          .unified = true,
          .own_path = "/",
          .writable = true};
}

cgroup::Layout v1_layout() {
  return {{v1("cpu,cpuacct", {"cpu", "cpuacct"}), v1("memory", {"memory"}), v1("devices", {"devices"}),
           v1("name=systemd", {}), v1("freezer", {"freezer"}, false)}};
}

cgroup::Layout hybrid_layout() {
  cgroup::Layout layout = v1_layout();
  layout.hierarchies.push_back(v2("/sys/fs/cgroup/unified"));
  return layout;
}

/// All that a plan is made of; a case changes what it is about.
struct Choice {
  engine::RunOptions options;
  engine::ContainerFacts container{.id = ContainerId(id),
                                   .directory = HostPath(directory),
                                   .root = {.path = HostPath(directory + "/rootfs"),
                                            .lower = {HostPath("/srv/rootfs")},
                                            .upper = HostPath(directory + "/upper"),
                                            .work = HostPath(directory + "/work")},
                                   .identity = {.user = {}, .home = "/root"},
                                   .host_name = "harbour",
                                   .open_files = RLIM_INFINITY};
  runtime::HostFacts host{.cgroups = {{v2("/sys/fs/cgroup")}}, .capabilities = every_capability};
};

struct Case {
  const char* name;
  std::function<void(Choice&)> change;
};

void PrintTo(const Case& wanted, std::ostream* out) { *out << wanted.name; }

// A store so deep that fsconfig(2) would not take its paths by name, and a name that overlayfs would split.
void put_layers_deep(Choice& choice) {
  const std::string deep = "/srv/" + std::string(240, 'd') + "/store";
  choice.container.root.lower = {HostPath(deep + "/top"), HostPath("/srv/a:b"), HostPath("/srv/base")};
  choice.container.root.upper = HostPath(deep + "/upper");
  choice.container.root.work = HostPath("/srv/work,1");
}

const std::vector<Case> cases = {
    {"default", [](Choice&) {}},
    {"limits",
     [](Choice& c) {
       c.options.limits = {engine::parse_limit("nofile=100:200"), engine::parse_limit("core=0"),
                           engine::parse_limit("stack=unlimited")};
       c.options.resources.memory_limit = 64 << 20;
     }},
    {"open_files_scarce", [](Choice& c) { c.container.open_files = 512; }},
    {"read_only",
     [](Choice& c) {
       c.options.read_only = true;
       c.options.remove = true;
     }},
    {"tmpfs",
     [](Choice& c) {
       c.options.tmpfs = {engine::parse_tmpfs("/var/cache/inner"),
                          engine::parse_tmpfs("/var/cache:size=1m,mode=1777,exec")};
     }},
    {"binds",
     [](Choice& c) {
       for (const char* bind : {"/srv/deep:/data/deep/er", "/srv/data:/data:rw", "/srv/docs:/docs:ro,bind",
                                "/etc/host.conf:/etc/host.conf:ro,noexec,nosuid", "/etc/hosts:/etc/hosts"})
         c.options.binds.push_back(engine::parse_bind(bind));
     }},
    {"own_dev_and_shm",
     [](Choice& c) {
       c.options.binds = {engine::parse_bind("/srv/dev:/dev")};
       c.options.tmpfs = {engine::parse_tmpfs("/dev/shm:size=1m")};
     }},
    {"tmpfs_dev_and_terminal",
     [](Choice& c) {
       c.options.terminal = true;
       c.options.tmpfs = {engine::parse_tmpfs("/dev:size=64k,mode=755")};
     }},
    {"terminal",
     [](Choice& c) {
       c.options.terminal = c.options.interactive = true;
       c.options.command = {"top", "-d", "1"};
     }},
    {"user",
     [](Choice& c) {
       c.container.identity = {.user = {.uid = 1000, .gid = 1001, .additional_gids = {10, 20}},
                               .home = "/home/ann"};
       c.options.working_directory = ContainerPath("/home/ann/work");
       c.options.environment = {"PATH=/opt/bin::/bin", "GREETING=hello world"};
       c.options.entrypoint = "greet";
       c.options.command = {"all", ""};
     }},
    {"network_host", [](Choice& c) { c.options.network = engine::Network::host; }},
    {"rootfs_rw",
     [](Choice& c) {
       c.options.rootfs_writable = true;
       c.options.remove = true;
       c.container.root = {.path = HostPath("/srv/rootfs"), .lower = {}, .upper = {}, .work = {}};
     }},
    {"overlay_by_descriptor", put_layers_deep},
    {"cgroup_v1",
     [](Choice& c) {
       c.host.cgroups = v1_layout();
       c.options.cgroup_parent = "batch/";
     }},
    {"cgroup_hybrid", [](Choice& c) { c.host.cgroups = hybrid_layout(); }},
    {"cgroup_none", [](Choice& c) { c.host.cgroups = {}; }},
    {"capabilities_clipped",
     [](Choice& c) {
       c.host.capabilities =
           std::uint64_t{1} << CAP_SYS_ADMIN | std::uint64_t{1} << CAP_CHOWN | std::uint64_t{1} << CAP_KILL;
     }},
    {"ignored_signals",
     [](Choice& c) {
       c.host.ignored_signals = std::uint64_t{1} << (SIGPIPE - 1) | std::uint64_t{1} << (SIGINT - 1);
     }},
};

std::string plan_of(const Case& wanted) {
  Choice choice;
  choice.options.command = {"sh", "-c", "echo hello"};
  wanted.change(choice);
  engine::validate(choice.options);
  choice.container.device_filter = choice.host.cgroups.device_filter();
  return plan::print(
      runtime::make_plan(engine::make_config(choice.options, choice.container), choice.host, id));
}

class Plan : public testing::TestWithParam<Case> {};

TEST_P(Plan, ReadsAsItsGoldenFile) {
  const std::string path = std::string(TARE_SOURCE_DIR "/tests/golden/plans/") + GetParam().name + ".txt";
  const std::string plan = plan_of(GetParam());
  if (const char* update = std::getenv("TARE_UPDATE_GOLDEN"); update && std::string_view(update) == "1") {
    sys::replace_file(sys::here, path, plan);
    FAIL() << path << " was written anew; read the difference, and run without TARE_UPDATE_GOLDEN";
  }
  const auto golden = sys::try_read_file(sys::here, path);
  ASSERT_TRUE(golden) << path << " is missing; TARE_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(plan, *golden);
}

INSTANTIATE_TEST_SUITE_P(Golden, Plan, testing::ValuesIn(cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Plans, OfTheSameChoicesAreTheSame) {
  for (const auto& wanted : cases) EXPECT_EQ(plan_of(wanted), plan_of(wanted)) << wanted.name;
}

TEST(Plans, HaveNoGoldenFileWithoutACase) {
  for (const auto& file : sys::list_directory(sys::here, TARE_SOURCE_DIR "/tests/golden/plans"))
    EXPECT_TRUE(std::ranges::any_of(cases, [&](const Case& c) {
      return file == c.name + std::string(".txt");
    })) << file;
}

}  // namespace
}  // namespace tare
