#include "engine/log_options.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"

namespace tare::engine {
namespace {

Error invalid(std::string text, std::string hint = {}) {
  return Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) words.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ",").append(word);
  return text;
}

// Each option's name, how it is read and how it is recorded.
struct LogOption {
  std::string_view name;
  void (*read)(LogOptions& options, const std::string& value);
  std::string (*record)(const LogOptions& options);
};

constexpr LogOption option_table[] = {
    {"max-size",
     [](LogOptions& options, const std::string& value) {
       options.limits.max_size = value == "-1" ? -1 : parse_size_decimal(value);
       if (options.limits.max_size == 0) throw invalid("max-size must be a positive number");
     },
     [](const LogOptions& options) { return std::to_string(options.limits.max_size); }},
    {"max-file",
     [](LogOptions& options, const std::string& value) {
       options.limits.max_files = parse_integer<int>(value, 1, 1000);
     },
     [](const LogOptions& options) { return std::to_string(options.limits.max_files); }},
    {"labels", [](LogOptions& options, const std::string& value) { options.labels = split_list(value); },
     [](const LogOptions& options) { return joined(options.labels); }},
    {"env", [](LogOptions& options, const std::string& value) { options.variables = split_list(value); },
     [](const LogOptions& options) { return joined(options.variables); }},
};

LogDriver parse_log_driver(const std::string& text) {
  if (text == "json-file") return LogDriver::json_file;
  if (text == "none") return LogDriver::none;
  throw invalid(format("logger: no log driver named '{}' is registered", text), "json-file or none");
}

void read_option(LogOptions& options, const std::string& name, const std::string& value) {
  const auto* option = std::ranges::find(option_table, name, &LogOption::name);
  if (option == std::end(option_table))
    throw invalid(format("unknown log opt '{}' for json-file log driver", name),
                  "max-size, max-file, labels, env");
  Step step("read log opt", name);
  option->read(options, value);
}

}  // namespace

LogOptions parse_log_options(const std::string& driver, const std::vector<std::string>& options) {
  LogOptions read{.driver = parse_log_driver(driver)};
  for (const auto& option : options) {
    const auto equals = option.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw invalid(format("invalid log opt '{}'", option), "as in max-size=10m");
    if (read.driver == LogDriver::none) throw invalid("the log driver none takes no log opts");
    read_option(read, option.substr(0, equals), option.substr(equals + 1));
  }
  return read;
}

json::object to_log_config(const LogOptions& options) {
  if (options.driver == LogDriver::none) return {{"Type", "none"}, {"Config", json::object()}};
  json::object config;
  for (const auto& option : option_table)
    if (std::string value = option.record(options); !value.empty()) config[option.name] = value;
  return {{"Type", "json-file"}, {"Config", std::move(config)}};
}

LogOptions from_log_config(const json::object& config) {
  LogOptions options{.driver = parse_log_driver(json::text_field(config, "Type"))};
  const json::object& fields = json::object_field(config, "Config");
  for (const auto& field : fields) read_option(options, field.key(), json::text_field(fields, field.key()));
  return options;
}

}  // namespace tare::engine
