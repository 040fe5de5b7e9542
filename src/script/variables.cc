#include "script/variables.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace tare::script {

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

bool is_shell_variable(std::string_view variable) {
  const auto name = name_of(variable);
  const auto is_part = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::ranges::all_of(name, is_part);
}

// Tried, each one of bash(1): these alone do not arrive. exec counts SHLVL down.
bool is_kept_by_bash(std::string_view variable) {
  constexpr std::string_view kept[] = {"BASHOPTS",    "BASH_ARGC",     "BASH_ARGV", "BASH_LINENO",
                                       "BASH_SOURCE", "BASH_VERSINFO", "EUID",      "PIPESTATUS",
                                       "PPID",        "SHELLOPTS",     "SHLVL",     "UID"};
  return std::ranges::find(kept, name_of(variable)) != std::end(kept);
}

}  // namespace tare::script
