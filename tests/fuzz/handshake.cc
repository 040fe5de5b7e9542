// Whatever a container's first process says and does, the one that made it ends with a container or with an
// Error, and without a process or a descriptor that is left. The input is what peers/init.cc is told to do.
#include <cstdlib>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/recorder.h"
#include "runtime/container.h"
#include "runtime/init_image.h"
#include "sys/file.h"

using namespace tare;
using plan::Input;
using plan::Kind;

// In the place of tare-init.
sys::UniqueFd runtime::make_init_image() { return sys::open_at(sys::here, TARE_FUZZ_PEERS "/init", O_PATH); }

namespace {

plan::Program make_program(int orders) {
  plan::Program program;
  program.slot_count = 6;
  program.inputs.push_back({.what = Input::What::passed_on, .slot = 5, .path = std::to_string(orders)});
  program.add({.kind = Kind::set_name, .text = "tare-init"});
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::mounted)});
  program.add({.kind = Kind::new_filesystem, .into = 1, .text = "overlay", .list = {"=lowerdir\0/a"}});
  program.add({.kind = Kind::new_filesystem, .into = 2, .text = "tmpfs"});
  program.add({.kind = Kind::attach, .slot = 2, .path = "/dev"});
  program.add({.kind = Kind::open_console, .slot = 2, .into = 3, .a = 24 << 16 | 80, .text = "console"});
  program.add({.kind = Kind::enter_directory, .path = "/tmp"});
  program.add({.kind = Kind::set_label, .path = "thread-self/attr/exec", .text = "label"});
  program.add({.kind = Kind::set_parameter, .slot = 4, .path = "sys/kernel/msgmax", .text = "1"});
  program.add({.kind = Kind::set_rlimit, .slot = 7, .a = 1, .b = 2});
  program.add({.kind = Kind::find_program, .list = {"/bin/nothing", "/nothing"}, .arguments = {"nothing"}});
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::ready)});
  program.add({.kind = Kind::execute,
               .list = {"/bin/nothing", "/nothing"},
               .arguments = {"nothing", "x"},
               .environment = {"A=1"}});
  return program;
}

std::size_t open_descriptors() { return sys::list_directory(sys::here, "/proc/self/fd").size(); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const bool prepared = [] {
    recorder::switch_on();
    return ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
  }();
  if (!prepared || size == 0) return 0;
  const std::size_t open_before = open_descriptors();
  {
    const sys::UniqueFd orders(::memfd_create("orders", MFD_CLOEXEC));
    sys::write_all(orders, {reinterpret_cast<const char*>(data), size});
    const plan::Program program = make_program(orders.number());
    const cgroup::Layout no_cgroups;
    const cgroup::Cgroup cgroup = cgroup::Cgroup::open(no_cgroups, "/fuzz");
    int hooks_run = 0;
    try {
      runtime::Container container =
          runtime::Container::create(program, cgroup, {}, [&](const runtime::Container&) { hooks_run++; });
      const sys::UniqueFd console = container.take_console();
      if (data[size - 1] % 2 == 0)
        container.start();
      else
        container.leave_at_gate();
    } catch (const Error&) {
    }
    // Those that the first process left behind end by themselves.
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
  }
  if (open_descriptors() != open_before) std::abort();
  return 0;
}
