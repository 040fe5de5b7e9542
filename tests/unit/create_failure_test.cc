// Every operation of a container's birth is made to fail once, with the real tare-init: each time there is an
// error that says which, and nothing is left: no process, no mount, no descriptor.
#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/error.h"
#include "engine/container_config.h"
#include "plan/print.h"
#include "runtime/container.h"
#include "runtime/make_plan.h"
#include "temporary_directory.h"

namespace tare::runtime {
namespace {

using plan::Kind;

/// What must be as it was.
struct Traces {
  std::string mounts = sys::read_file(sys::here, "/proc/self/mountinfo");
  std::size_t descriptors = sys::list_directory(sys::here, "/proc/self/fd").size();
  bool operator==(const Traces&) const = default;
};

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

class CreateFailure : public testing::Test {
 protected:
  CreateFailure() {
    sys::make_directory(directory_.fd(), "rootfs");
    for (const char* name : {"resolv.conf", "hostname", "hosts"}) directory_.put(name, "");
    engine::RunOptions options;
    options.command = {"/no/such/command"};
    const engine::ContainerFacts facts{
        .id = ContainerId(std::string(64, 'f')),
        .directory = HostPath(directory_.path()),
        .root = {.path = HostPath(directory_ / "rootfs"), .lower = {}, .upper = {}, .work = {}},
        .identity = {.user = {}, .home = "/"},
        .host_name = "host",
        .open_files = 1024,
        .device_filter = cgroup::DeviceFilter::list};
    HostFacts host = read_host_facts();
    host.cgroups = {};
    program_ = make_plan(engine::make_config(options, facts), host, "test");
  }

  /// Created, and started if it comes so far.
  void run(const plan::Program& program) const {
    const sys::UniqueFd null = sys::open_at(sys::here, "/dev/null", O_RDWR);
    const Streams streams{.input = null, .output = null, .error = null};
    Container container = Container::create(program, cgroup_, streams);
    container.start();
  }
  Error failure(const plan::Program& program) const {
    try {
      run(program);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no operation failed";
    return Error(ErrorKind::system, "");
  }

  TemporaryDirectory directory_;
  cgroup::Layout no_cgroups_;
  cgroup::Cgroup cgroup_ = cgroup::Cgroup::create(no_cgroups_, "/tare-test");
  plan::Program program_;
};

TEST_F(CreateFailure, OfEveryOperationIsSaidAndLeavesNothing) {
  ASSERT_FALSE(has_children());
  const Traces before;
  for (std::size_t i = 0; i < program_.entries.size(); i++) {
    plan::Program broken = program_;
    const std::string missing = "/missing-" + std::to_string(i);
    broken.entries[i] = {.kind = Kind::clone_tree, .path = missing};
    const Error error = failure(broken);
    EXPECT_EQ(error.text(), "cannot take the tree " + missing) << plan::words(program_, program_.entries[i]);
    // Late in the plan the right to try is gone.
    EXPECT_TRUE(error.error_number() == ENOENT || error.error_number() == EPERM) << error.what();
    EXPECT_FALSE(has_children()) << i;
    EXPECT_TRUE(Traces() == before) << i;
  }
}

TEST_F(CreateFailure, OfAnOperationThatIsUnknownIsSaid) {
  plan::Program broken = program_;
  broken.entries[3] = {.kind = static_cast<Kind>(1000)};
  EXPECT_EQ(failure(broken).error_number(), EINVAL);
  EXPECT_FALSE(has_children());
}

TEST_F(CreateFailure, OfTheCommandAloneComesFromTheStart) {
  const Error error = failure(program_);
  EXPECT_EQ(error.kind(), ErrorKind::no_command);
  EXPECT_EQ(error.text(), "cannot run /no/such/command: no such file or directory");
  EXPECT_FALSE(has_children());
}

TEST_F(CreateFailure, OfAListWithoutAnEndIsSaid) {
  plan::Program broken = program_;
  broken.entries.pop_back();
  EXPECT_NE(failure(broken).text(), "");
  EXPECT_FALSE(has_children());
}

TEST_F(CreateFailure, OfAnInputLeavesNoProcess) {
  const Traces before;
  for (const auto what : {plan::Input::What::bind, plan::Input::What::directory}) {
    plan::Program broken = program_;
    broken.inputs.push_back({.what = what, .slot = broken.new_slot(), .path = "/missing"});
    const Error error = failure(broken);
    EXPECT_NE(error.text().find("/missing"), std::string::npos) << error.what();
    EXPECT_FALSE(has_children());
    EXPECT_TRUE(Traces() == before);
  }
}

TEST_F(CreateFailure, DoesNotComeAndTheProcessEndsWithAnObjectThatIsNotStarted) {
  const Traces before;
  pid_t pid = 0;
  {
    const sys::UniqueFd null = sys::open_at(sys::here, "/dev/null", O_RDWR);
    const Container container =
        Container::create(program_, cgroup_, {.input = null, .output = null, .error = null});
    pid = container.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_FALSE(has_children());
  EXPECT_TRUE(Traces() == before);
}

TEST_F(CreateFailure, OfAProcessThatIsKilledNamesTheStepThatItWasAt) {
  plan::Program broken = program_;
  broken.entries[5] = {.kind = Kind::set_hostname};  // without its text: a fault, as a bug would make one
  const Error error = failure(broken);
  EXPECT_EQ(error.text(),
            "the container's first process was killed by signal 11 when it was to set the hostname to ");
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace tare::runtime
