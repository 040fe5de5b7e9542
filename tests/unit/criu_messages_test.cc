// What goes to criu and what comes from it, byte by byte: the numbers are those of its images/rpc.proto.
#include "runtime/criu_messages.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::runtime {
namespace {

using namespace std::literals;
using protobuf::Reader;
using protobuf::Writer;

std::string error_of(std::string_view message) {
  try {
    for (Reader reader(message); reader.next();) {
    }
  } catch (const Error& error) {
    return error.text();
  }
  return "no error";
}

TEST(Protobuf, WritesNumbersTextsAndMessages) {
  Writer inner, message;
  inner.add(1, "net");
  inner.add(2, 300);
  message.add(1, 0);
  message.add(2, -1);
  message.add(34, true);
  message.add(15, std::int64_t{1} << 40);
  message.add(27, inner);
  EXPECT_EQ(message.bytes(),
            "\x08\x00"
            "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
            "\x90\x02\x01"
            "\x78\x80\x80\x80\x80\x80\x20"
            "\xda\x01\x08\x0a\x03net\x10\xac\x02"sv);
}

TEST(Protobuf, ReadsWhatItWrites) {
  Writer message;
  message.add(1, -17);
  message.add(536870911, std::string(200, 'x'));
  Reader reader(message.bytes());
  const auto first = reader.next(), second = reader.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->number, 1U);
  EXPECT_EQ(first->as_number(), -17);
  EXPECT_THROW(first->as_bytes(), Error);
  EXPECT_EQ(second->number, 536870911U);
  EXPECT_EQ(second->as_bytes(), std::string(200, 'x'));
  EXPECT_THROW(second->as_number(), Error);
  EXPECT_FALSE(reader.next());
}

TEST(Protobuf, PassesOverOtherTypes) {
  Reader reader("\x09_8bytes_\x0d_4b_\x10\x05"sv);
  const auto field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 2U);
  EXPECT_EQ(field->as_number(), 5);
  EXPECT_FALSE(reader.next());
}

TEST(Protobuf, RefusesWhatIsNoMessage) {
  EXPECT_EQ(error_of(""), "no error");
  EXPECT_EQ(error_of("\x08"sv), "malformed message: it ends too early");
  EXPECT_EQ(error_of("\x08\x80"sv), "malformed message: it ends too early");
  EXPECT_EQ(error_of("\x0a\x04net"sv), "malformed message: it ends too early");
  EXPECT_EQ(error_of("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv),
            "malformed message: it ends too early");
  EXPECT_EQ(error_of("\x0d\x01\x02\x03"sv), "malformed message: it ends too early");
  EXPECT_EQ(error_of("\x00\x01"sv), "malformed message: there is no such field");
  EXPECT_EQ(error_of("\x80\x80\x80\x80\x10\x01"sv), "malformed message: there is no such field");
  EXPECT_EQ(error_of("\x0b"sv), "malformed message: field 1 has a type that is not known");
  EXPECT_EQ(error_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv),
            "malformed message: a number has more than 64 bits");
  EXPECT_EQ(error_of("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv),
            "malformed message: a number has more than 64 bits");
}

TEST(CriuMessages, ARequestIsItsOrderAndItsOptions) {
  Writer options;
  options.add(static_cast<unsigned>(CriuOption::images_directory), 5);
  options.add(static_cast<unsigned>(CriuOption::outside_mount), criu_pair("/a", "/b"));
  options.add(static_cast<unsigned>(CriuOption::inherited), criu_pair("net", 7));
  EXPECT_EQ(criu_request(CriuOrder::restore, options),
            "\x08\x02\x12\x17\x08\x05\xba\x01\x08\x0a\x02/a\x12\x02/b\xda\x01\x07\x0a\x03net\x10\x07"sv);
  EXPECT_EQ(criu_answer(true), "\x08\x06\x18\x01"sv);
  EXPECT_EQ(criu_answer(false), "\x08\x06\x18\x00"sv);
}

TEST(CriuMessages, AResponseIsANoticeOrTheAnswer) {
  const CriuResponse notice =
      parse_criu_response("\x08\x06\x10\x01\x2a\x11\x0a\x0cpost-restore\x10\xd2\x09"sv);
  EXPECT_TRUE(notice.is_notice);
  EXPECT_EQ(notice.notice, "post-restore");
  EXPECT_EQ(notice.pid, 1234);
  const CriuResponse restored = parse_criu_response("\x08\x02\x10\x01\x22\x03\x08\xd2\x09\xfa\x01\x01?"sv);
  EXPECT_TRUE(!restored.is_notice && restored.success);
  EXPECT_EQ(restored.pid, 1234);
  const CriuResponse failed = parse_criu_response("\x08\x01\x10\x00\x38\x5f\x4a\x02no"sv);
  EXPECT_TRUE(!failed.is_notice && !failed.success);
  EXPECT_EQ(failed.error_number, 95);
  EXPECT_EQ(failed.words, "no");
}

TEST(CriuMessages, AResponseWithoutATypeOrASuccessIsNone) {
  for (const auto message :
       {""sv, "\x08\x01"sv, "\x10\x01"sv, "\x0a\x01x\x10\x01"sv, "\x08\x06\x10\x01\x28\x01"sv})
    EXPECT_THROW(parse_criu_response(message), Error);
}

}  // namespace
}  // namespace tare::runtime
