#include "engine/security_options.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/format.h"

namespace tare::engine {
namespace {

Error not_understood(const std::string& option) {
  return Error(ErrorKind::invalid, format("invalid --security-opt: \"{}\"", option), 0,
               "there are: seccomp=, apparmor=, label=, no-new-privileges[=], systempaths=unconfined");
}

// What docker takes for a truth value.
std::optional<bool> as_truth(std::string_view text) {
  constexpr std::string_view yes[] = {"1", "t", "T", "true", "TRUE", "True"},
                             no[] = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(yes, text) != std::end(yes)) return true;
  if (std::ranges::find(no, text) != std::end(no)) return false;
  return std::nullopt;
}

constexpr std::string_view label_kinds[] = {"user", "role", "type", "level", "filetype"};

bool is_label(std::string_view text) {
  if (text == "disable" || text == "nested") return true;
  const auto colon = text.find(':');
  return colon != text.npos && colon + 1 < text.size() &&
         std::ranges::find(label_kinds, text.substr(0, colon)) != std::end(label_kinds);
}

}  // namespace

SecurityOptions parse_security_options(const std::vector<std::string>& given) {
  SecurityOptions options;
  for (const auto& option : given) {
    if (option == "no-new-privileges") {
      options.no_new_privileges = true;
      continue;
    }
    // The colon is the older form.
    auto separator = option.find('=');
    if (separator == std::string::npos) separator = option.find(':');
    if (separator == std::string::npos) throw not_understood(option);
    const std::string key = option.substr(0, separator), value = option.substr(separator + 1);
    if (key == "no-new-privileges") {
      const auto truth = as_truth(value);
      if (!truth) throw not_understood(option);
      options.no_new_privileges = *truth;
    } else if (key == "systempaths" && value == "unconfined") {
      options.system_paths_unconfined = true;
    } else if (key == "seccomp" && !value.empty()) {
      options.seccomp = value == "builtin" ? "" : value;
    } else if (key == "apparmor" && !value.empty()) {
      options.apparmor = value;
    } else if (key == "label" && is_label(value)) {
      options.labels.push_back(value);
    } else {
      throw not_understood(option);
    }
  }
  return options;
}

bool names_profile(const SecurityOptions& options) {
  return !options.seccomp.empty() && options.seccomp != "unconfined";
}

}  // namespace tare::engine
