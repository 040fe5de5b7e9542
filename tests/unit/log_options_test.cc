#include "engine/log_options.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tare::engine {
namespace {

std::string refusal(const std::string& driver, const std::vector<std::string>& options) {
  try {
    parse_log_options(driver, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(LogOptions, AreBoundedByDefault) {
  const LogOptions options = parse_log_options("json-file", {});
  EXPECT_EQ(options.driver, LogDriver::json_file);
  EXPECT_EQ(options.limits, (monitor::LogLimits{.max_size = 10'000'000, .max_files = 5}));
  EXPECT_EQ(options, LogOptions{});
}

TEST(LogOptions, AreReadAsDockerReadsThem) {
  const LogOptions options =
      parse_log_options("json-file", {"max-size=20m", "max-file=3", "labels=a,b", "env=PATH"});
  EXPECT_EQ(options.limits, (monitor::LogLimits{.max_size = 20'000'000, .max_files = 3}));
  EXPECT_EQ(options.labels, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.variables, std::vector<std::string>{"PATH"});
  EXPECT_EQ(parse_log_options("json-file", {"max-size=-1"}).limits.max_size, -1);
  EXPECT_EQ(parse_log_options("none", {}).driver, LogDriver::none);
}

TEST(LogOptions, SayWhatIsWrongWithThem) {
  EXPECT_NE(refusal("syslog", {}).find("no log driver named 'syslog' is registered"), std::string::npos);
  EXPECT_NE(refusal("json-file", {"max-sise=1"}).find("unknown log opt 'max-sise'"), std::string::npos);
  EXPECT_NE(refusal("json-file", {"max-size"}).find("invalid log opt 'max-size'"), std::string::npos);
  EXPECT_NE(refusal("json-file", {"max-size=many"}).find("invalid size: 'many'"), std::string::npos);
  EXPECT_NE(refusal("json-file", {"max-size=0"}).find("max-size must be a positive number"),
            std::string::npos);
  EXPECT_NE(refusal("json-file", {"max-file=0"}).find("max-file"), std::string::npos);
  EXPECT_NE(refusal("none", {"max-file=2"}).find("takes no log opts"), std::string::npos);
}

TEST(LogOptions, SurviveTheirRecord) {
  for (const auto& options :
       {LogOptions{}, parse_log_options("none", {}),
        parse_log_options("json-file", {"max-size=-1", "max-file=9", "labels=a,b", "env=X"})})
    EXPECT_EQ(from_log_config(to_log_config(options)), options);
}

}  // namespace
}  // namespace tare::engine
