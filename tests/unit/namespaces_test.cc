// Whose namespaces a container is in: the words of the options, and what becomes of them.
#include "engine/namespaces.h"

#include <functional>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::engine {
namespace {

using oci::NamespaceKind;
using Mode = NamespaceChoice::Mode;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid) << error.what();
    return error.text();
  }
  return "accepted";
}

std::string words(const std::vector<oci::Namespace>& namespaces) {
  constexpr const char* names[] = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
  std::string text;
  for (const auto& one : namespaces)
    text += (text.empty() ? "" : " ") + std::string(names[static_cast<int>(one.kind)]) +
            (one.path.empty() ? "" : "=" + one.path);
  return text;
}

TEST(ParseNamespace, ReadsTheWordsThatTheKindHas) {
  for (const char* text : {"host", "container:web"})
    EXPECT_EQ(to_text(parse_namespace(NamespaceKind::pid, text)), text);
  for (const char* text : {"private", "shareable", "none", "host", "container:web"})
    EXPECT_EQ(to_text(parse_namespace(NamespaceKind::ipc, text)), text);
  EXPECT_EQ(parse_namespace(NamespaceKind::uts, "host").mode, Mode::host);
  for (const char* text : {"private", "host"})
    EXPECT_EQ(to_text(parse_namespace(NamespaceKind::cgroup, text)), text);
  EXPECT_EQ(parse_namespace(NamespaceKind::pid, "container:a:b").container, "a:b");
  for (const auto kind : {NamespaceKind::pid, NamespaceKind::ipc, NamespaceKind::uts, NamespaceKind::cgroup})
    EXPECT_EQ(parse_namespace(kind, "").mode, Mode::own);
}

TEST(ParseNamespace, RefusesAllOthers) {
  for (const char* text : {"private", "none", "shareable", "container", "container:", "Host", "hosts"})
    EXPECT_EQ(refusal([&] { parse_namespace(NamespaceKind::pid, text); }), "invalid PID mode") << text;
  for (const char* text : {"container:", "ns:/x"})
    EXPECT_EQ(refusal([&] { parse_namespace(NamespaceKind::ipc, text); }), "invalid IPC mode") << text;
  for (const char* text : {"private", "container:web"})
    EXPECT_EQ(refusal([&] { parse_namespace(NamespaceKind::uts, text); }), "invalid UTS mode") << text;
  EXPECT_EQ(refusal([] { parse_namespace(NamespaceKind::cgroup, "container:web"); }), "invalid CGROUP mode");
}

TEST(Namespaces, AreTheContainersOwnUnlessItWantsOthers) {
  RunOptions options;
  EXPECT_EQ(words(choose_namespaces(options, {})), "pid mount ipc uts cgroup network");
  options.ipc.mode = Mode::none;
  options.cgroup_namespace.mode = Mode::own;
  EXPECT_EQ(words(choose_namespaces(options, {})), "pid mount ipc uts cgroup network");
  options.pid.mode = options.ipc.mode = options.uts.mode = options.cgroup_namespace.mode = Mode::host;
  options.network = Network::host;
  EXPECT_EQ(words(choose_namespaces(options, {})), "mount");
}

TEST(Namespaces, OfOtherContainersAreNamedByTheirPaths) {
  RunOptions options;
  options.pid = {.mode = Mode::container, .container = "web"};
  options.network = Network::container;
  EXPECT_EQ(words(choose_namespaces(options, {})), "pid mount ipc uts cgroup network") << "before a start";
  const Borrowed borrowed{
      .namespaces = {{NamespaceKind::network, "/proc/7/ns/net"}, {NamespaceKind::pid, "/proc/7/ns/pid"}}};
  EXPECT_EQ(words(choose_namespaces(options, borrowed)),
            "pid=/proc/7/ns/pid mount ipc uts cgroup network=/proc/7/ns/net");
}

TEST(Namespaces, OfTheHostHaveNamesThatAreNotTheContainersToSet) {
  RunOptions options;
  options.uts.mode = Mode::host;
  EXPECT_EQ(refusal([&] { check_namespaces(options); }), "accepted");
  options.hostname = "box";
  EXPECT_EQ(refusal([&] { check_namespaces(options); }), "conflicting options: hostname and the UTS mode");
  options.hostname.clear();
  options.domainname = "example";
  EXPECT_EQ(refusal([&] { check_namespaces(options); }), "conflicting options: domainname and the UTS mode");
  options = {};
  options.hostname = "box";
  options.network = Network::container;
  EXPECT_EQ(refusal([&] { check_namespaces(options); }),
            "conflicting options: hostname and the network mode");
}

}  // namespace
}  // namespace tare::engine
