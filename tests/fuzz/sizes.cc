// Whatever is given for a quantity, it is one within its bounds or an Error; and what is printed of it can be
// read.
#include <cstdlib>

#include "base/error.h"
#include "base/time.h"
#include "base/units.h"
#include "engine/log_options.h"
#include "engine/moment.h"

using namespace tare;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_bytes(Bytes bytes) {
  must(bytes >= 0);
  must(!format_size(bytes).empty() && !format_size_decimal(bytes).empty());
}

using Reader = void (*)(const std::string& text);

constexpr Reader readers[] = {
    [](const std::string& text) { check_bytes(parse_size(text)); },
    [](const std::string& text) { check_bytes(parse_size_decimal(text)); },
    [](const std::string& text) { must(parse_size_or_unlimited(text) >= -1); },
    [](const std::string& text) { must(cpu_quota(parse_cpus(text)) >= 0); },
    [](const std::string& text) {
      if (const auto duration = try_parse_duration(text))
        (void)format_duration(std::chrono::duration_cast<std::chrono::seconds>(*duration));
    },
    [](const std::string& text) { must(parse_integer<std::int64_t>(text, -5, 5) <= 5); },
    [](const std::string& text) { (void)parse_integer<std::uint16_t>(text); },
    [](const std::string& text) {
      if (const auto time = try_parse_time(text)) must(parse_time(format_time(*time)) == *time);
    },
    [](const std::string& text) { (void)engine::parse_moment(text, Time()); },
    [](const std::string& text) { (void)engine::parse_log_options("json-file", {text}); },
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Reader read : readers) try {
      read(text);
    } catch (const Error&) {
    }
  return 0;
}
