#include "runtime/criu_messages.h"

#include <optional>

#include "base/error.h"

namespace tare::runtime {
namespace {

constexpr int notify = 6;  // of criu_req_type

// criu_req
constexpr unsigned request_type = 1, request_options = 2, request_notify_success = 3;
// criu_resp
enum : unsigned {
  response_type = 1,
  response_success = 2,
  response_restore = 4,
  response_notify = 5,
  response_errno = 7,
  response_words = 9,
};
constexpr unsigned restore_pid = 1;                  // criu_restore_resp
constexpr unsigned notify_name = 1, notify_pid = 2;  // criu_notify

template <typename Second>
protobuf::Writer pair(std::string_view first, Second second) {
  protobuf::Writer message;
  message.add(1, first);
  message.add(2, second);
  return message;
}

void read_restored(CriuResponse& response, std::string_view message) {
  for (protobuf::Reader reader(message); const auto field = reader.next();)
    if (field->number == restore_pid) response.pid = field->as_number();
}

void read_notice(CriuResponse& response, std::string_view message) {
  for (protobuf::Reader reader(message); const auto field = reader.next();) {
    if (field->number == notify_name) response.notice = field->as_bytes();
    if (field->number == notify_pid) response.pid = field->as_number();
  }
}

}  // namespace

protobuf::Writer criu_pair(std::string_view first, std::string_view second) { return pair(first, second); }
protobuf::Writer criu_pair(std::string_view first, std::int64_t second) { return pair(first, second); }

std::string criu_request(CriuOrder order, const protobuf::Writer& options) {
  protobuf::Writer message;
  message.add(request_type, static_cast<int>(order));
  message.add(request_options, options);
  return std::string(message.bytes());
}

std::string criu_answer(bool success) {
  protobuf::Writer message;
  message.add(request_type, notify);
  message.add(request_notify_success, success);
  return std::string(message.bytes());
}

CriuResponse parse_criu_response(std::string_view message) {
  CriuResponse response;
  std::optional<int> type, success;
  for (protobuf::Reader reader(message); const auto field = reader.next();) {
    switch (field->number) {
      case response_type: type = field->as_number(); break;
      case response_success: success = field->as_number(); break;
      case response_restore: read_restored(response, field->as_bytes()); break;
      case response_notify: read_notice(response, field->as_bytes()); break;
      case response_errno: response.error_number = field->as_number(); break;
      case response_words: response.words = field->as_bytes(); break;
      default: break;
    }
  }
  if (!type || !success) throw Error(ErrorKind::invalid, "criu's answer says nothing");
  response.is_notice = *type == notify;
  response.success = *success != 0;
  return response;
}

}  // namespace tare::runtime
