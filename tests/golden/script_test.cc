// A plan as a bash script, compared with the file in scripts/. After a change on purpose:
// TARE_UPDATE_GOLDEN=1 writes it anew, and the diff is read like code.
#include "script/script.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "script/text.h"
#include "sys/file.h"

namespace tare {
namespace {

using plan::Kind;
using What = plan::HostStep::What;

const std::string id(64, '7');
const std::string directory = "/var/lib/tare/containers/" + id;

plan::Document example() {
  plan::Document document;
  const std::string group = "/sys/fs/cgroup/memory/tare-" + id;
  document.host = {{.what = What::copy_owner, .path = directory + "/upper", .value = "/srv/it's"},
                   {.what = What::write_file, .path = directory + "/hosts", .value = "127.0.0.1 $HOME\n"},
                   {.what = What::make_cgroup, .path = group},
                   {.what = What::write_cgroup,
                    .path = group + "/memory.limit_in_bytes",
                    .value = "1000",
                    .why = "the memory limit"}};
  plan::Program& program = document.program;
  program.namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  const auto root = program.new_slot(), proc = program.new_slot(), bind = program.new_slot(),
             dev = program.new_slot(), join = program.new_slot();
  program.inputs = {{.what = plan::Input::What::cgroup_join, .slot = join, .path = group + "/tasks"},
                    {.what = plan::Input::What::bind, .slot = bind, .path = "/home/a b", .recursive = true}};
  program.add({.kind = Kind::unshare, .a = CLONE_NEWCGROUP});
  program.add({.kind = Kind::new_filesystem,
               .into = root,
               .text = "overlay",
               .list = {std::string("=source\0overlay", 15), std::string("=lowerdir\0/srv/it's", 19),
                        std::string("=upperdir\0", 10) + directory + "/upper",
                        std::string("=workdir\0", 9) + directory + "/work"}});
  program.add({.kind = Kind::attach_root, .slot = root, .path = directory + "/rootfs"});
  program.add({.kind = Kind::new_filesystem, .into = proc, .a = MOUNT_ATTR_RDONLY, .text = "proc"});
  program.add({.kind = Kind::attach, .slot = proc, .path = "/proc"});
  program.add({.kind = Kind::set_attributes, .flags = plan::recursive, .slot = bind, .a = MOUNT_ATTR_RDONLY});
  program.add({.kind = Kind::attach, .flags = plan::create_target, .slot = bind, .path = "/data"});
  program.add({.kind = Kind::open_directory, .into = dev, .path = "/dev"});
  program.add(
      {.kind = Kind::make_node, .slot = dev, .a = S_IFCHR | 0666, .b = makedev(1, 3), .text = "null"});
  program.add({.kind = Kind::open_null, .into = program.new_slot()});
  program.add({.kind = Kind::mask, .path = "/proc/kcore"});
  program.add({.kind = Kind::protect, .path = "/proc/sys"});
  program.add({.kind = Kind::set_hostname, .text = "a'b"});
  program.add({.kind = Kind::raise_loopback});
  program.add({.kind = Kind::set_rlimit, .slot = 7, .a = 10, .b = 20});
  program.add({.kind = Kind::set_umask, .a = 022});
  program.add({.kind = Kind::enter_directory, .path = "/a $dir"});
  program.add({.kind = Kind::load_filter, .text = "the default policy"});
  program.add({.kind = Kind::set_groups, .groups = {5, 6}});
  program.add({.kind = Kind::drop_bounding, .a = 1});
  program.add({.kind = Kind::set_ids, .a = 1000, .b = 1001});
  program.add({.kind = Kind::set_capabilities});
  program.add({.kind = Kind::execute,
               .list = {"/bin/sh"},
               .arguments = {"sh", "-c", "echo \"$A\"\n"},
               .environment = {"A=`b`"}});
  return document;
}

// The same with ids of its own: the layer and the container's own directory are adopted, the device is a
// bind.
plan::Document with_ids() {
  plan::Document document = example();
  plan::Program& program = document.program;
  program.user_namespace = {.uid_map = "0 100000 65536\n", .gid_map = "0 200000 1000\n1000 400000 1000\n"};
  const auto layer = program.new_slot(), own = program.new_slot(), null_device = program.new_slot();
  using Ids = plan::Input::Ids;
  program.inputs.push_back(
      {.what = plan::Input::What::bind, .slot = layer, .path = "/srv/it's", .ids = Ids::mapped});
  program.inputs.push_back(
      {.what = plan::Input::What::bind, .slot = own, .path = directory, .ids = Ids::mapped});
  program.inputs.push_back({.what = plan::Input::What::bind, .slot = null_device, .path = "/dev/null"});
  program.settings.oom_score_adj = 500;
  for (auto& entry : program.entries) {
    if (entry.text == "overlay")
      entry.list = {std::string("=source\0overlay", 15),
                    std::string("=lowerdir\0", 10) + plan::descriptor_path(layer),
                    std::string("=upperdir\0", 10) + plan::descriptor_path(own) + "/upper",
                    std::string("=workdir\0", 9) + plan::descriptor_path(own) + "/work", "!userxattr"};
    if (entry.kind == Kind::make_node)
      entry = {.kind = Kind::attach, .flags = plan::create_target, .slot = null_device, .path = "/dev/null"};
  }
  for (const auto slot : {layer, own})
    program.entries.insert(program.entries.begin(), {.kind = Kind::adopt, .slot = slot, .path = "/proc/sys"});
  return document;
}

std::string script_of(const plan::Document& document) {
  return script::write(document, {.id = id, .directory = directory, .tarball = {}, .layer = {}});
}

void expect_golden(const plan::Document& document, const std::string& name) {
  const std::string file = TARE_SOURCE_DIR "/tests/golden/scripts/" + name;
  const std::string text = script_of(document);
  if (const char* update = std::getenv("TARE_UPDATE_GOLDEN"); update && std::string_view(update) == "1") {
    sys::replace_file(sys::here, file, text);
    FAIL() << file << " was written anew; read the difference, and run without TARE_UPDATE_GOLDEN";
  }
  const auto golden = sys::try_read_file(sys::here, file);
  ASSERT_TRUE(golden) << file << " is missing; TARE_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, *golden);
}

TEST(Script, ReadsAsItsGoldenFile) { expect_golden(example(), "example.sh"); }

TEST(Script, WithAUserNamespaceReadsAsItsGoldenFile) { expect_golden(with_ids(), "user-namespace.sh"); }

TEST(Script, RefusesWhatNoToolDoes) {
  plan::Document document = example();
  document.program.inputs.back().mount_namespace = "/proc/1/ns/mnt";
  EXPECT_THROW(script_of(document), Error);
  document = example();
  document.program.add({.kind = Kind::join_namespaces, .a = CLONE_NEWUSER});
  EXPECT_THROW(script_of(document), Error);
}

TEST(Script, SaysWhichVariablesBashKeeps) {
  plan::Document document = example();
  auto& environment = document.program.entries.back().environment;
  environment = {"_=x", "A.B=c", "D=e"};
  EXPECT_EQ(script_of(document).find("environment:"), std::string::npos);
  environment.emplace_back("UID=7");
  const std::string text = script_of(document);
  EXPECT_NE(
      text.find("#  - environment: bash keeps this variable to itself, the command is without it: UID\n"),
      std::string::npos);
  EXPECT_EQ(text.find("UID=7"), std::string::npos);
}

TEST(Script, QuotesWhatTheShellWouldRead) {
  EXPECT_EQ(script::quoted("/plain/path-1"), "/plain/path-1");
  EXPECT_EQ(script::quoted(""), "''");
  EXPECT_EQ(script::quoted("$(a) 'b'\n"), "'$(a) '\\''b'\\''\n'");
}

}  // namespace
}  // namespace tare
