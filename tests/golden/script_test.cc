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

TEST(Script, ReadsAsItsGoldenFile) {
  const std::string file = TARE_SOURCE_DIR "/tests/golden/scripts/example.sh";
  const std::string text =
      script::write(example(), {.id = id, .directory = directory, .tarball = {}, .layer = {}});
  if (const char* update = std::getenv("TARE_UPDATE_GOLDEN"); update && std::string_view(update) == "1") {
    sys::replace_file(sys::here, file, text);
    FAIL() << file << " was written anew; read the difference, and run without TARE_UPDATE_GOLDEN";
  }
  const auto golden = sys::try_read_file(sys::here, file);
  ASSERT_TRUE(golden) << file << " is missing; TARE_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, *golden);
}

TEST(Script, RefusesAUserNamespace) {
  plan::Document document = example();
  document.program.user_namespace.emplace();
  EXPECT_THROW(script::write(document, {}), Error);
}

TEST(Script, QuotesWhatTheShellWouldRead) {
  EXPECT_EQ(script::quoted("/plain/path-1"), "/plain/path-1");
  EXPECT_EQ(script::quoted(""), "''");
  EXPECT_EQ(script::quoted("$(a) 'b'\n"), "'$(a) '\\''b'\\''\n'");
}

}  // namespace
}  // namespace tare
