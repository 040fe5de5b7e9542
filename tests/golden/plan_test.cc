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

using MakePlan = plan::Program (*)(const oci::RuntimeConfig&, const runtime::HostFacts&, const std::string&);

struct Case {
  const char* name;
  std::function<void(Choice&)> change;
  std::function<void(oci::RuntimeConfig&)> adjust = {};  ///< for what no option says
  MakePlan make = runtime::make_plan;
};

void PrintTo(const Case& wanted, std::ostream* out) { *out << wanted.name; }

// A store so deep that fsconfig(2) would not take its paths by name, and a name that overlayfs would split.
plan::Program make_exec_plan(const oci::RuntimeConfig& config, const runtime::HostFacts& facts,
                             const std::string& name) {
  return runtime::make_exec_plan(config, facts, name);
}

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
       c.options.entrypoint = {{"greet"}};
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
    {"capabilities_chosen",
     [](Choice& c) {
       c.options.capabilities_added = {"net_admin", "CAP_SYS_PTRACE"};
       c.options.capabilities_dropped = {"CHOWN", "mknod"};
       c.options.security_options = {"no-new-privileges", "systempaths=unconfined"};
     }},
    {"privileged",
     [](Choice& c) {
       c.options.privileged = true;
       c.container.host_devices = {
           {.path = ContainerPath("/dev/net/tun"), .major = 10, .minor = 200},
           {.path = ContainerPath("/dev/null"), .major = 1, .minor = 3},
           {.path = ContainerPath("/dev/sda"), .type = 'b', .major = 8, .mode = 0660, .gid = 6}};
     }},
    {"privileged_without_mknod",
     [](Choice& c) {
       c.options.privileged = c.options.read_only = true;
       c.host.cgroups = v1_layout();
       c.host.capabilities &= ~(std::uint64_t{1} << CAP_MKNOD);
       c.container.capabilities = c.host.capabilities;
       c.container.host_devices = {
           {.path = ContainerPath("/dev/net/tun"), .major = 10, .minor = 200},
           {.path = ContainerPath("/dev/sda"), .type = 'b', .major = 8, .mode = 0660, .gid = 6}};
     }},
    {"apparmor",
     [](Choice& c) {
       c.container.security = {.apparmor = true, .default_profile = true};
       c.options.security_options = {"no-new-privileges"};
     }},
    {"selinux",
     [](Choice& c) {
       c.container.security = {.selinux = true,
                               .selinux_contexts =
                                   "process = \"system_u:system_r:container_t:s0\"\n"
                                   "file = \"system_u:object_r:container_file_t:s0\"\n"};
       c.options.security_options = {"label=level:s0:c1,c2"};
     }},
    {"user_namespace",
     [](Choice& c) {
       c.options.uid_mappings = {{.container = 0, .host = 100000, .size = 65536}};
       c.options.remove = true;
       c.container.identity.user = {.uid = 1000, .gid = 5, .additional_gids = {5, 70000}};
       c.container.root.lower.emplace_back("/srv/base");
       c.host.cgroups = hybrid_layout();
       c.host.capabilities &= ~(std::uint64_t{1} << CAP_SYS_RESOURCE);
       c.container.capabilities = c.host.capabilities;
       c.options.capabilities_added = {"SYS_RESOURCE"};
     }},
    {"user_namespace_of_one_id",
     [](Choice& c) {
       c.options.uid_mappings = {{.container = 0, .host = 1000, .size = 1}};
       c.options.network = engine::Network::host;
       c.options.terminal = true;
       c.container.root = {.path = HostPath("/srv/rootfs"), .lower = {}, .upper = {}, .work = {}};
     }},
    {"ignored_signals",
     [](Choice& c) {
       c.host.ignored_signals = std::uint64_t{1} << (SIGPIPE - 1) | std::uint64_t{1} << (SIGINT - 1);
     }},
    {"devices",
     [](Choice& c) {
       c.container.devices.nodes = {
           {.path = ContainerPath("/dev/fuse"), .major = 10, .minor = 229, .source = "/dev/fuse"},
           {.path = ContainerPath("/dev/snd/control"),
            .major = 116,
            .mode = 0660,
            .gid = 29,
            .source = "/dev/snd/controlC0"},
           {.path = ContainerPath("/dev/snd/timer"), .major = 116, .minor = 33},
           {.path = ContainerPath("/dev/zero"), .major = 1, .minor = 7, .source = "/dev/full"},
           {.path = ContainerPath("/data/disk"), .type = 'b', .major = 8, .source = "/dev/sda"}};
     }},
    {"devices_in_a_bound_dev",
     [](Choice& c) {
       c.options.binds = {engine::parse_bind("/srv/dev:/dev")};
       c.container.devices.nodes = {
           {.path = ContainerPath("/dev/fuse"), .major = 10, .minor = 229, .source = "/dev/fuse"}};
     }},
    {"supervised",
     [](Choice& c) {
       c.options.init = true;
       c.options.oom_score_adj = 500;
       c.options.domainname = "example";
       c.options.shm_size = 1 << 20;
       c.options.sysctl = {engine::parse_sysctl("net.ipv4.ip_forward=1"),
                           engine::parse_sysctl("kernel.msgmax=65536")};
     }},
    {"namespaces_of_the_host",
     [](Choice& c) {
       using Mode = engine::NamespaceChoice::Mode;
       c.options.pid.mode = c.options.ipc.mode = c.options.uts.mode = c.options.cgroup_namespace.mode =
           Mode::host;
     }},
    {"namespaces_of_containers",
     [](Choice& c) {
       using Mode = engine::NamespaceChoice::Mode;
       c.options.pid = c.options.ipc = {.mode = Mode::container, .container = "web"};
       c.options.network = engine::Network::container;
       c.options.network_container = "web";
       c.container.borrowed = {.namespaces = {{oci::NamespaceKind::pid, "/proc/123/ns/pid"},
                                              {oci::NamespaceKind::ipc, "/proc/123/ns/ipc"},
                                              {oci::NamespaceKind::network, "/proc/123/ns/net"}},
                               .shm_owner = "/proc/123/ns/mnt",
                               .etc_directory = HostPath("/var/lib/tare/containers/web"),
                               .hostname = "web"};
     }},
    {"ipc_none", [](Choice& c) { c.options.ipc.mode = engine::NamespaceChoice::Mode::none; }},
    {"joined_namespaces", [](Choice&) {},
     [](oci::RuntimeConfig& config) {
       for (auto& one : config.namespaces)
         if (one.kind == oci::NamespaceKind::pid) one.path = "/proc/123/ns/pid";
       for (auto& one : config.namespaces)
         if (one.kind == oci::NamespaceKind::network) one.path = "/run/netns/blue";
     }},
    {"joined_user_namespace", [](Choice&) {},
     [](oci::RuntimeConfig& config) {
       config.namespaces.push_back({oci::NamespaceKind::user, "/proc/123/ns/user"});
     }},
    {"exec", [](Choice& c) { c.host.cgroups = hybrid_layout(); }, {}, make_exec_plan},
    {"exec_terminal",
     [](Choice& c) { c.options.terminal = c.options.interactive = true; },
     {},
     make_exec_plan},
};

std::string plan_of(const Case& wanted) {
  Choice choice;
  choice.options.command = {"sh", "-c", "echo hello"};
  wanted.change(choice);
  engine::validate(choice.options);
  choice.container.device_filter = choice.host.cgroups.device_filter();
  oci::RuntimeConfig config = engine::make_config(choice.options, choice.container);
  if (wanted.adjust) wanted.adjust(config);
  return plan::print(wanted.make(config, choice.host, id));
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
