// The connection to systemd: what is told where there is none, or a silent one; and, where it runs and we are
// root, a real unit.
#include <csignal>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "cgroup/scope.h"
#include "cgroup/text.h"
#include "sys/file.h"
#include "sys/unique_fd.h"
#include "temporary_directory.h"

namespace tare::cgroup {
namespace {

using std::chrono::milliseconds;

std::string words_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Systemd, WhereThereIsNoneTheErrorNamesBothPlacesAndTheWayOut) {
  const SystemdAddress nowhere{.own = "unix:path=/nowhere/private", .bus = "unix:path=/nowhere/bus"};
  const std::string words = words_of([&] { Systemd::connect(nowhere); });
  for (const auto* part :
       {"no systemd here", "/nowhere/private", "/nowhere/bus", "leave out --systemd-cgroup"})
    EXPECT_NE(words.find(part), std::string::npos) << words;
}

TEST(Systemd, ASilentOneIsGivenUpAfterTheTimeItHas) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/silent";
  const sys::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.number(), 1), 0);
  const auto begin = std::chrono::steady_clock::now();
  const std::string words = words_of([&] {
    Systemd::connect({.own = "unix:path=" + path, .bus = {}}, milliseconds(200)).stop("tare-nothing.scope");
  });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(200));
  EXPECT_NE(words.find("systemd did not answer within 200 ms"), std::string::npos) << words;
  EXPECT_NE(words.find("systemctl list-jobs"), std::string::npos) << words;
}

class RealSystemd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !sys::exists(sys::here, "/run/systemd/private") || layout.mode() != Mode::v2)
      GTEST_SKIP() << "no systemd with cgroup v2 to talk to as root";
  }
  std::string limit(const char* file) const {
    return std::string(trimmed(sys::read_file(sys::here, directory() + "/" + file)));
  }
  std::string directory() const { return layout.unified()->mount.value + unit.cgroup; }
  Scope start(std::vector<Write> limits = {}) const {
    return Scope::start(Systemd::connect(address), layout, unit, unit_properties(unit, "test", limits, {}));
  }

  const Layout layout = read_layout();
  const SystemdAddress address = address_of(Manager::system);
  const Unit unit = unit_of(":tare-test:" + std::to_string(::getpid()), "", Manager::system, "");
};

TEST_F(RealSystemd, AScopeHasItsLimitsAndGoesWithItsObject) {
  oci::Resources resources;
  resources.pids_limit = 5;
  resources.memory_limit = 64 << 20;
  {
    Scope scope = start(plan_limits(layout, resources));
    EXPECT_EQ(limit("pids.max"), "5");
    EXPECT_EQ(limit("memory.max"), std::to_string(64 << 20));
    scope.make_room();
    EXPECT_EQ(limit("pids.max"), "6");
    EXPECT_THROW(start(), Error) << "its cgroup is in use";
  }
  EXPECT_FALSE(sys::exists(sys::here, directory()));
  const Scope again = start();
  EXPECT_EQ(limit("pids.max") == "5", false);
}

TEST_F(RealSystemd, AnUpdateChangesTheUnitAndItsCgroup) {
  const Scope scope = start();
  oci::Resources resources;
  resources.pids_limit = 7;
  resources.cpu_shares = 2048;
  update_unit(address, unit.name, plan_limits(layout, resources));
  EXPECT_EQ(limit("pids.max"), "7");
  EXPECT_EQ(limit("cpu.weight"), std::to_string(weight_of_shares(2048)));
}

TEST_F(RealSystemd, WhatItRefusesIsToldInItsWords) {
  const std::string words = words_of(
      [&] { Scope::start(Systemd::connect(address), layout, unit, {flag("NoSuchProperty", true)}); });
  EXPECT_NE(words.find("NoSuchProperty"), std::string::npos) << words;
  EXPECT_FALSE(sys::exists(sys::here, directory()));
}

TEST_F(RealSystemd, AnOptionalPropertyThatItDoesNotKnowIsLeftOut) {
  Property unknown = flag("NoSuchProperty", true);
  unknown.optional = true;
  const Scope scope = Scope::start(Systemd::connect(address), layout, unit, {unknown});
  EXPECT_TRUE(sys::exists(sys::here, directory()));
}

TEST_F(RealSystemd, StoppingWhatIsNotThereIsNoError) {
  Systemd::connect(address).stop("tare-test-nothing.scope");
}

}  // namespace
}  // namespace tare::cgroup
