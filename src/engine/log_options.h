// `--log-driver` and `--log-opt`: whether and how a container's output is kept (pure).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "monitor/log_writer.h"

namespace tare::engine {

enum class LogDriver { json_file, none };

struct LogOptions {
  LogDriver driver = LogDriver::json_file;
  monitor::LogLimits limits;
  std::vector<std::string> labels, variables;  ///< whose values `tare logs --details` shows
  bool operator==(const LogOptions&) const = default;
};

/// What the options say together; each of `options` is "NAME=VALUE". Throws Error{invalid}.
LogOptions parse_log_options(const std::string& driver, const std::vector<std::string>& options);

/// As docker records it, and back: {"Type": "json-file", "Config": {"max-size": "10000000", …}}.
json::object to_log_config(const LogOptions& options);
LogOptions from_log_config(const json::object& config);

}  // namespace tare::engine
