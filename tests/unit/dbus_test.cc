// Connections to a program that says on a real socket what the test has it say.
#include "cgroup/dbus.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "dbus_builder.h"
#include "temporary_directory.h"

namespace tare::cgroup {
namespace {

using std::chrono::milliseconds;
using namespace std::string_literals;

const std::string introduction = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"s;
constexpr auto welcome = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n";

/// The other end of a connection.
class Conversation {
 public:
  explicit Conversation(int socket) : socket_(socket) { EXPECT_TRUE(socket_.valid()); }

  std::string hear(std::size_t size) const {
    std::string heard(size, '\0');
    heard.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::recv(socket_.number(), heard.data(), size, MSG_WAITALL))));
    return heard;
  }
  bool is_silent() const {
    char byte;
    return ::recv(socket_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }
  Message hear_call() const {
    std::string bytes = hear(16);
    for (;;) {
      if (auto message = take_message(bytes)) return std::move(*message);
      bytes += hear(1);
    }
  }
  void say(std::string_view text) const { sys::write_all(socket_, text); }
  void say_in_pieces(std::string_view text) const {
    for (; !text.empty(); text.remove_prefix(1)) {
      say(text.substr(0, 1));
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }

 private:
  sys::UniqueFd socket_;
};

/// Listens at a path, or at an abstract name that is the same.
class Listener {
 public:
  explicit Listener(bool is_abstract = false, int backlog = 4)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path().copy(address.sun_path + (is_abstract ? 1 : 0), path().size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path().size() + 1);
    EXPECT_EQ(::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.number(), backlog), 0);
  }

  std::string path() const { return directory_ / "a b"; }
  Conversation accept() const {
    return Conversation(::accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  TemporaryDirectory directory_;
  sys::UniqueFd socket_;
};

DBusConnection::Clock::time_point soon(milliseconds time = milliseconds(5000)) {
  return DBusConnection::Clock::now() + time;
}

DBusConnection open(const Listener& listener, Peer peer = Peer::program) {
  auto connection = DBusConnection::try_open("unix:path=" + listener.path(), peer, soon());
  EXPECT_TRUE(connection.has_value());
  return std::move(*connection);
}

const MethodCall some_call{.destination = "a.b", .object = "/a", .interface = "a.b", .member = "Do"};

TEST(DBusConnection, ACallIsSentAfterTheWelcomeAndAnswersMayComeInPieces) {
  const Listener listener;
  DBusConnection connection = open(listener);
  const std::uint32_t serial = connection.send(some_call);
  std::thread other_end([&] {
    const Conversation talk = listener.accept();
    EXPECT_EQ(talk.hear(introduction.size()), introduction);
    talk.say_in_pieces(std::string(welcome).substr(0, 20));
    EXPECT_TRUE(talk.is_silent()) << "a call comes after the welcome";
    talk.say_in_pieces(std::string(welcome).substr(20));
    const Message call = talk.hear_call();
    EXPECT_EQ(call.type, Message::Type::call);
    EXPECT_EQ(call.interface + "." + call.member, "a.b.Do");
    talk.say_in_pieces(reply_to(serial).bytes());
    talk.say(error_to(serial).bytes() + job_removed().bytes());
  });
  std::vector<Message::Type> types;
  for (int i = 0; i < 3; i++)
    if (const auto message = connection.try_receive(soon())) types.push_back(message->type);
  EXPECT_EQ(types, (std::vector{Message::Type::reply, Message::Type::error, Message::Type::signal}));
  other_end.join();
}

TEST(DBusConnection, AMessageBusIsGreetedFirst) {
  const Listener listener;
  DBusConnection connection = open(listener, Peer::message_bus);
  connection.send(some_call);
  std::thread other_end([&] {
    const Conversation talk = listener.accept();
    talk.hear(introduction.size());
    talk.say(welcome);
    EXPECT_EQ(talk.hear_call().member, "Hello");
    EXPECT_EQ(talk.hear_call().member, "Do");
    talk.say(error_to(1).bytes());
  });
  const std::string words = words_of([&] { connection.try_receive(soon()); });
  EXPECT_NE(words.find("the message bus does not let us speak to systemd: There is none."), std::string::npos)
      << words;
  other_end.join();
}

TEST(DBusConnection, OneThatIsNotLetInOrThatIsClosedEndsInAnError) {
  const struct {
    const char *said, *words;
  } table[] = {
      {"REJECTED EXTERNAL\r\n", "Operation not permitted"},
      {"DATA\r\nREJECTED\r\n", "Operation not permitted"},
      {"OK 01\r\nERROR\r\n", "Operation not permitted"},
      {"HTTP/1.1 400 Bad Request\r\n", "Operation not permitted"},
      {"", "Connection reset by peer"},
      {"DATA\r\n", "Connection reset by peer"},
      {"DATA\r\nOK 01\r\n", "Connection reset by peer"},
      {"DATA\r\nOK 01\r\nl", "Connection reset by peer"},
      {"DATA\r\nOK 01\r\nHTTP/1.1 200 OK\r\n", "no byte order"},
  };
  for (const auto& [said, told] : table) {
    const Listener listener;
    DBusConnection connection = open(listener);
    {
      const Conversation talk = listener.accept();
      talk.hear(introduction.size());
      talk.say(said);
    }
    const std::string words = words_of([&] { connection.try_receive(soon()); });
    EXPECT_NE(words.find(told), std::string::npos) << said << ": " << words;
  }
  const Listener listener;
  DBusConnection connection = open(listener);
  listener.accept().say(std::string(10000, 'D').replace(0, 4, "DATA"));
  EXPECT_NE(words_of([&] { connection.try_receive(soon()); }).find("Bad message"), std::string::npos);
}

TEST(DBusConnection, ACallThatIsLargerThanTheSocketIsWrittenAsItIsRead) {
  const Listener listener;
  DBusConnection connection = open(listener);
  MethodCall call = some_call;
  call.signature = "s";
  call.arguments.add_text(std::string(2 << 20, 'x'));
  const std::uint32_t serial = connection.send(call);
  std::thread other_end([&] {
    const Conversation talk = listener.accept();
    talk.hear(introduction.size());
    talk.say(welcome + job_removed().bytes());
    std::string all = talk.hear(to_bytes(call, serial).size());
    const auto heard = take_message(all);
    EXPECT_EQ(heard->read("s").text().size(), std::size_t{2} << 20);
    talk.say(reply_to(serial).bytes());
  });
  EXPECT_EQ(connection.try_receive(soon())->type, Message::Type::signal);
  EXPECT_EQ(connection.try_receive(soon())->replied, serial);
  other_end.join();
}

TEST(DBusConnection, NoAnswerUntilTheDeadlineIsNone) {
  const Listener listener;
  DBusConnection connection = open(listener);
  const auto begin = DBusConnection::Clock::now();
  EXPECT_FALSE(connection.try_receive(soon(milliseconds(50))).has_value());
  const Conversation talk = listener.accept();
  talk.say(welcome);
  EXPECT_FALSE(connection.try_receive(soon(milliseconds(50))).has_value());
  EXPECT_GE(DBusConnection::Clock::now() - begin, milliseconds(100));
}

int error_of(const std::string& addresses) {
  const auto opened = DBusConnection::try_open(addresses, Peer::program, soon(milliseconds(50)));
  return opened ? 0 : opened.error();
}

TEST(DBusConnection, AddressesAreTriedInTheirOrderAndMayBeEscaped) {
  const Listener listener;
  std::string escaped = listener.path();
  escaped.replace(escaped.find(' '), 1, "%20").replace(escaped.find("tmp"), 3, "%74%6D%70");
  EXPECT_EQ(error_of("unix:path=" + escaped), 0);
  EXPECT_EQ(error_of("unix:guid=0123,path=" + escaped), 0);
  EXPECT_EQ(error_of("tcp:host=localhost;unix:path=/nowhere;unix:path=" + escaped + ";unix:path=/other"), 0);
  EXPECT_EQ(error_of("unix:abstract=" + escaped), ECONNREFUSED);
  const Listener abstract(true);
  EXPECT_EQ(error_of("unix:abstract=" + abstract.path()), 0);
  EXPECT_EQ(error_of("unix:path=" + abstract.path()), ENOENT);
}

TEST(DBusConnection, WhatIsNoAddressIsAnError) {
  EXPECT_EQ(error_of(""), EINVAL);
  EXPECT_EQ(error_of(";"), EPROTONOSUPPORT);
  EXPECT_EQ(error_of("tcp:host=localhost,port=1"), EPROTONOSUPPORT);
  EXPECT_EQ(error_of("/run/dbus/system_bus_socket"), EPROTONOSUPPORT);
  EXPECT_EQ(error_of("unix:path=" + std::string(108, 'a')), ENAMETOOLONG);
  for (const char* wrong : {"unix:", "unix:path=", "unix:tmpdir=/tmp", "unix:path=%", "unix:path=%2",
                            "unix:path=%zz", "unix:path=/a%00b", "unix:path=/a,abstract=/a"})
    EXPECT_EQ(error_of(wrong), EINVAL) << wrong;
}

TEST(DBusConnection, WhereTheQueueIsFullItIsTriedUntilTheDeadline) {
  const Listener listener(false, 0);
  const std::string address = "unix:path=" + listener.path();
  const auto first = DBusConnection::try_open(address, Peer::program, soon());
  const auto begin = DBusConnection::Clock::now();
  EXPECT_EQ(error_of(address), EAGAIN);
  EXPECT_GE(DBusConnection::Clock::now() - begin, milliseconds(50));
  std::thread other_end([&] {
    std::this_thread::sleep_for(milliseconds(50));
    listener.accept();
  });
  EXPECT_TRUE(DBusConnection::try_open(address, Peer::program, soon()).has_value());
  other_end.join();
}

}  // namespace
}  // namespace tare::cgroup
