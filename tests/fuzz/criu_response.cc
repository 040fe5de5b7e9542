// Whatever criu answers: a response, or an Error that says what is wrong with it. A message that can be read
// is the same when it is written anew.
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "runtime/criu_messages.h"

using namespace tare;

namespace {

using Fields = std::vector<runtime::protobuf::Field>;

Fields fields_of(std::string_view message) {
  Fields fields;
  for (runtime::protobuf::Reader reader(message); const auto field = reader.next();) fields.push_back(*field);
  return fields;
}

std::string written(const Fields& fields) {
  runtime::protobuf::Writer writer;
  for (const auto& field : fields)
    if (const auto* number = std::get_if<std::uint64_t>(&field.value))
      writer.add(field.number, static_cast<std::int64_t>(*number));
    else
      writer.add(field.number, std::get<std::string_view>(field.value));
  return std::string(writer.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  try {
    const Fields fields = fields_of(message);
    const std::string again = written(fields);
    const Fields same = fields_of(again);
    if (same.size() != fields.size()) std::abort();
    for (std::size_t i = 0; i < same.size(); i++)
      if (same[i].number != fields[i].number || same[i].value != fields[i].value) std::abort();
  } catch (const Error&) {
  }
  try {
    const runtime::CriuResponse response = runtime::parse_criu_response(message);
    if (response.notice.size() + response.words.size() > size) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
