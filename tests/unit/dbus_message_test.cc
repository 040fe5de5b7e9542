// Messages of D-Bus byte by byte, as the specification has them.
#include "cgroup/dbus_message.h"

#include <gtest/gtest.h>

#include "dbus_builder.h"

namespace tare::cgroup {
namespace {

using namespace std::string_literals;

TEST(DBusMessage, ACallIsWrittenAsTheSpecificationHasIt) {
  MethodCall call{.destination = "org.freedesktop.systemd1",
                  .object = "/org/freedesktop/systemd1",
                  .interface = "org.freedesktop.systemd1.Manager",
                  .member = "StartTransientUnit",
                  .signature = "ssa(sv)a(sa(sv))"};
  WireWriter& arguments = call.arguments;
  arguments.add_text("a.scope");
  arguments.add_text("fail");
  arguments.add_array('(', [&] {
    arguments.begin_struct();
    arguments.add_text("Delegate");
    arguments.add_signature("b");
    arguments.add_number(std::uint32_t{1});
    arguments.begin_struct();
    arguments.add_text("PIDs");
    arguments.add_signature("au");
    arguments.add_array('u', [&] { arguments.add_number(std::uint32_t{4711}); });
    arguments.begin_struct();
    arguments.add_text("Max");
    arguments.add_signature("t");
    arguments.add_number(std::uint64_t{0x0101010101010101});
    arguments.begin_struct();
    arguments.add_text("None");
    arguments.add_signature("at");
    arguments.add_array('t', [] {});
  });
  arguments.add_array('(', [] {});

  RawBytes body;
  body.number(7).raw("a.scope\0"s);        // s: its length, the text, a NUL byte; 12 bytes
  body.number(4).raw("fail\0"s).zeros(3);  // s; then to 4: 24 bytes
  body.number(96).zeros(4);                // a: the bytes of its structs, from 32 to 128; then to 8
  body.number(8).raw("Delegate\0"s);       // (s: 45 bytes
  body.raw("\1b\0"s);                      //   v: g of one character; 48 bytes
  body.number(1).zeros(4);                 //     b, a number of 4 bytes); the next struct at 56
  body.number(4).raw("PIDs\0"s);           // (s: 65 bytes
  body.raw("\2au\0"s).zeros(3);            //   v: g; 69 bytes, then to 4: 72
  body.number(4).number(4711);             //     au: 4 bytes of elements, one); 80 bytes
  body.number(3).raw("Max\0"s);            // (s: 88 bytes
  body.raw("\1t\0"s).zeros(5);             //   v: g; 91 bytes, then to 8: 96
  body.raw("\1\1\1\1\1\1\1\1");            //     t); 104 bytes
  body.number(4).raw("None\0"s);           // (s: 113 bytes
  body.raw("\2at\0"s).zeros(3);            //   v: g; 117 bytes, then to 4: 120
  body.number(0).zeros(4);                 //     at: no elements, and to 8 all the same); 128 bytes
  body.number(0).zeros(4);                 // a: none; then to 8: 136 bytes

  RawBytes message;
  message.raw(std::endian::native == std::endian::little ? "l" : "B");
  message.raw("\1\0\1"s);  // a method call; no flags; version 1 of the protocol
  message.number(136);     // the body's bytes
  message.number(2);       // the serial
  message.number(182);     // a(yv): the fields, from byte 16 to the end of the last one
  message.raw("\1\1o\0"s).number(25);
  message.raw("/org/freedesktop/systemd1\0"s).zeros(6);  // PATH; then to 56
  message.raw("\2\1s\0"s).number(32);
  message.raw("org.freedesktop.systemd1.Manager\0"s).zeros(7);  // INTERFACE; to 104
  message.raw("\3\1s\0"s).number(18);
  message.raw("StartTransientUnit\0"s).zeros(5);  // MEMBER; to 136
  message.raw("\6\1s\0"s).number(24);
  message.raw("org.freedesktop.systemd1\0"s).zeros(7);     // DESTINATION; to 176
  message.raw("\10\1g\0"s).raw("\20ssa(sv)a(sa(sv))\0"s);  // SIGNATURE, of 16 characters; 198 bytes
  message.zeros(2).raw(body.text());                       // which begins at a multiple of 8

  EXPECT_EQ(to_bytes(call, 2), message.text());
}

TEST(DBusMessage, ATextWithANulByteIsNotWritten) {
  WireWriter writer;
  EXPECT_NE(words_of([&] { writer.add_text("a\0b"s); }).find("NUL byte"), std::string::npos);
}

Message only_message(std::string bytes) {
  std::optional<Message> message = take_message(bytes);
  EXPECT_TRUE(message.has_value());
  EXPECT_EQ(bytes, "");
  return message.value_or(Message{});
}

TEST(DBusMessage, RepliesErrorsAndSignalsAreReadInBothByteOrders) {
  for (const auto order : {std::endian::little, std::endian::big}) {
    const Message reply = only_message(reply_to(0x01020304, order).bytes());
    EXPECT_EQ(reply.type, Message::Type::reply);
    EXPECT_EQ(reply.replied, 0x01020304U);
    EXPECT_EQ(reply.read("o").text(), "/job/1");

    const Message error = only_message(error_to(2, order).bytes());
    EXPECT_EQ(error.type, Message::Type::error);
    EXPECT_EQ(error.replied, 2U);
    EXPECT_EQ(error.error, "a.b.NoSuchUnit");
    EXPECT_EQ(error.error_text(), "There is none.");

    const Message signal = only_message(job_removed(order).bytes());
    EXPECT_EQ(signal.type, Message::Type::signal);
    EXPECT_EQ(signal.interface + "." + signal.member, "a.b.Manager.JobRemoved");
    WireReader arguments = signal.read("uoss");
    EXPECT_EQ(arguments.number<std::uint32_t>(), 1U);
    EXPECT_EQ(arguments.text(), "/job/1");
    EXPECT_EQ(arguments.text(), "a.scope");
    EXPECT_EQ(arguments.text(), "done");
    EXPECT_THROW(arguments.text(), Error);
  }
}

TEST(DBusMessage, AnErrorWithoutATextIsToldByItsName) {
  Written written{.type = 3};
  EXPECT_EQ(only_message(written.replied(1).text(4, "s", "a.b.C").bytes()).error_text(), "a.b.C");
}

TEST(DBusMessage, OneIsTakenWhenItIsCompleteAndWhatFollowsStays) {
  const std::string whole = job_removed().bytes(), next = reply_to(1).bytes();
  for (std::size_t size = 0; size < whole.size(); size++) {
    std::string part = whole.substr(0, size);
    EXPECT_FALSE(take_message(part).has_value()) << size;
    EXPECT_EQ(part.size(), size);
  }
  std::string both = whole + next;
  EXPECT_TRUE(take_message(both).has_value());
  EXPECT_EQ(both, next);
}

TEST(DBusMessage, FieldsAndTypesThatAreNotKnownArePassedOver) {
  Written written{.type = 5};
  written.text(10, "o", "/a")
      .field(11, "t", RawBytes().zeros(4).raw("12345678"))
      .field(12, "y", RawBytes().raw("1"));
  written.signature("u").body.number(9);
  const Message message = only_message(written.bytes());
  EXPECT_EQ(message.read("u").number<std::uint32_t>(), 9U);
}

TEST(DBusMessage, ArgumentsOfOtherTypesAreRefused) {
  const Message reply = only_message(reply_to(1).bytes());
  EXPECT_NE(words_of([&] { (void)reply.read("s"); }).find("types o, where they should be s"),
            std::string::npos);
  EXPECT_THROW((void)reply.read("os"), Error);
}

TEST(DBusMessage, WhatIsNoMessageIsRefused) {
  const auto with = [](auto change) {
    Written written = reply_to(1);
    change(written);
    return written.bytes();
  };
  const struct {
    const char* words;
    std::string bytes;
  } table[] = {
      {"no byte order", "HTTP/1.1 200 OK\r\n"},
      {"another version", with([](Written& w) { w.version = 2; })},
      {"no type, or no serial", with([](Written& w) { w.type = 0; })},
      {"no type, or no serial", with([](Written& w) { w.serial = 0; })},
      {"bytes", with([](Written& w) { w.body_size = 0xffffffff; })},
      {"bytes", with([](Written& w) { w.fields_size = 0xffffffff; })},
      {"bytes", with([](Written& w) { w.body_size = largest_message; })},
      {"longer than", with([](Written& w) { w.fields_size = 5; })},
      {"longer than", with([](Written& w) { w.fields_size = w.fields.size() - 1; })},
      {"padding", with([](Written& w) { w.padding = 'x'; })},
      {"padding", with([](Written& w) { w.padding = 'x', w.text(6, "s", ":1.2"); })},
      {"two fields 5", with([](Written& w) { w.replied(2); })},
      {"without the fields", with([](Written& w) { w.type = 3; })},
      {"without the fields", with([](Written& w) { w.type = 4; })},
      {"field 0", with([](Written& w) { w.text(0, "s", "x"); })},
      {"field 3 of the type o", with([](Written& w) { w.text(3, "o", "/x"); })},
      {"field 9 of the type s", with([](Written& w) { w.text(9, "s", "x"); })},
      {"value with parts", with([](Written& w) { w.text(10, "v", "x"); })},
      {"only NUL byte", with([](Written& w) { w.text(6, "s", "a\0b"s); })},
      {"only NUL byte", with([](Written& w) { w.field(6, "s", RawBytes().number(1).raw("ab")); })},
      {"longer than the message",
       with([](Written& w) { w.field(6, "s", RawBytes().number(0xffffffff).zeros(4)); })},
      {"arguments without types", Written{}.replied(1).argument("x").bytes()},
  };
  for (const auto& [words, bytes] : table) {
    const std::string told = words_of([&] {
      std::string copy = bytes;
      take_message(copy);
    });
    EXPECT_NE(told.find("cannot read a message from systemd"), std::string::npos) << words << ": " << told;
    EXPECT_NE(told.find(words), std::string::npos) << words << ": " << told;
  }
}

TEST(DBusMessage, OneWrongByteAnywhereIsAnErrorOrAnotherMessage) {
  const std::string whole = job_removed().bytes();
  for (std::size_t at = 0; at < whole.size(); at++)
    for (int value = 0; value < 256; value++) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(value);
      try {
        if (const auto message = take_message(bytes)) {
          WireReader arguments = message->read("uoss");
          arguments.skip('u');
          for (int i = 0; i < 3; i++) EXPECT_LE(arguments.text().size(), whole.size());
        }
      } catch (const Error&) {
      }
    }
}

}  // namespace
}  // namespace tare::cgroup
