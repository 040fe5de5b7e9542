// Waiting at the gate, and what goes with it, performed for real.
#include <array>
#include <cstring>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "init_fixture.h"
#include "runtime/start_gate.h"
#include "sys/socket.h"
#include "temporary_directory.h"

namespace tare::init {
namespace {

using plan::Kind;
using plan::Message;

bool receive(int socket, Message& message, int& descriptor) {
  iovec part{&message, sizeof message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  if (::recvmsg(socket, &header, MSG_CMSG_CLOEXEC) != sizeof message) return false;
  const cmsghdr* head = CMSG_FIRSTHDR(&header);
  if (head) std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
  return true;
}

TEST(InitGate, WhoeverSaysProceedTakesTheParentsPlaceAndTheOthersGetTheListOnly) {
  const TemporaryDirectory directory;
  const sys::UniqueFd gate = runtime::make_gate(directory.fd());
  const sys::SocketPair parent = sys::make_socket_pair();
  const sys::UniqueFd list(::memfd_create("list", MFD_CLOEXEC));
  ASSERT_EQ(::write(list.number(), "the list", 8), 8);

  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Operations operations;
    operations.list().sync_socket = ::dup(parent.other.number());
    operations.slot(1) = gate.number();
    operations.slot(2) = list.number();
    const long result = operations.perform({.kind = Kind::await_start, .slot = 1, .into = 2});
    int signal = -1;
    ::prctl(PR_GET_PDEATHSIG, &signal);
    // The starter hears from us on the connection that is now the sync socket.
    const Message word{.type = Message::Type::sync, .value = static_cast<std::uint32_t>(signal)};
    ::send(operations.list().sync_socket, &word, sizeof word, 0);
    ::_exit(result == 0 ? 0 : 1);
  }
  Message message{};
  int descriptor = -1;
  ASSERT_TRUE(receive(parent.one.number(), message, descriptor));
  EXPECT_EQ(message.value, static_cast<std::uint32_t>(plan::Sync::waiting));

  for (const bool starts : {false, true}) {
    const sys::UniqueFd starter = sys::try_connect_at(directory.fd(), "gate");
    ASSERT_TRUE(starter);
    ASSERT_TRUE(receive(starter.number(), message, descriptor));
    EXPECT_EQ(message.type, Message::Type::list);
    const sys::UniqueFd received(descriptor);
    std::array<char, 8> text{};
    EXPECT_EQ(::pread(received.number(), text.data(), text.size(), 0), 8);
    EXPECT_EQ(std::string(text.data(), text.size()), "the list");
    if (!starts) continue;
    const Message go{.type = Message::Type::proceed, .value = 0};
    EXPECT_EQ(::send(starter.number(), &go, sizeof go, 0), static_cast<ssize_t>(sizeof go));
    ASSERT_TRUE(receive(starter.number(), message, descriptor));
    EXPECT_EQ(message.value, 0U) << "it would die with a parent that has ended long ago";
  }
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(InitGate, FindsAProgramThatCanBeExecutedOrSaysWhyThereIsNone) {
  const TemporaryDirectory directory;
  directory.put("program", "", 0755);
  directory.put("text", "", 0644);
  Operations operations;
  const auto find = [&](const std::string& first, const std::string& second) {
    const std::array<const char*, 3> list{first.c_str(), second.c_str(), nullptr};
    return operations.perform({.kind = Kind::find_program, .list = list.data()});
  };
  EXPECT_EQ(find(directory / "none", directory / "program"), 0);
  EXPECT_EQ(find(directory / "text", directory / "program"), 0);
  EXPECT_EQ(find(directory / "none", directory / "text"), -EACCES);
  EXPECT_EQ(find(directory / "none", directory / "program/x"), -ENOENT);
}

TEST(InitGate, DescriptorsOfTheCallersGetTheirNumbersBackAndStay) {
  in_child(0, [] {
    Operations operations;
    operations.slot(1) = ::fcntl(0, F_DUPFD_CLOEXEC, 20);
    operations.list().sync_socket = ::fcntl(0, F_DUPFD_CLOEXEC, 30);
    EXPECT_EQ(operations.perform({.kind = Kind::place_descriptor, .slot = 1, .a = 3}), 0);
    EXPECT_EQ(operations.perform({.kind = Kind::close_descriptors, .a = 1}), 0);
    EXPECT_EQ(::fcntl(3, F_GETFD), 0) << "not to be closed by the exec";
    EXPECT_EQ(::fcntl(20, F_GETFD), -1);
    EXPECT_GE(::fcntl(30, F_GETFD), 0);
  });
}

}  // namespace
}  // namespace tare::init
