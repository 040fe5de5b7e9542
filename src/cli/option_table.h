// The command line as constexpr tables, and the parser that reads words by them with docker's grammar. Help,
// completions and the man page are made from the same tables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace tare::cli {

enum class Takes : std::uint8_t {
  nothing,  ///< a switch; `--name=false` turns it off again
  value,
  optional_value,  ///< `--name=VALUE`; `--name` alone gives the empty text, and the next word is another
                   ///< matter
};

struct Option {
  std::string_view name;  ///< without dashes
  char letter = 0;        ///< 0: none
  Takes takes = Takes::nothing;
  std::string_view placeholder;  ///< "BYTES" for `--memory BYTES`; empty for a switch
  std::string_view help;
  bool repeatable = false;  ///< every value counts, not the last one only
};

struct Command {
  std::string_view name;      ///< "run", or "network create" in the group "network"
  std::string_view operands;  ///< "ROOTFS [COMMAND [ARG...]]"
  std::string_view summary;   ///< one line without a full stop
  std::string_view details;   ///< see help.h for its markup
  std::span<const Option> options;
  int minimum_operands = 0;
  int maximum_operands = -1;                  ///< -1: any number
  bool options_end_at_first_operand = false;  ///< what follows belongs to the container's command
  std::string_view aliases;                   ///< "container ls, container list"
};

struct Program {
  std::string_view name;
  std::string_view summary;
  std::string_view details;
  std::span<const Option> global_options;  ///< taken before the command's name and among its own options
  std::span<const Command> commands;
  bool single_dash_names = false;  ///< also `-root DIR`, as programs that use Go's own flag package take it
};

/// The words after the program's name, as main() gets them.
using Words = std::span<const char* const>;

/// What the words said. Asking for a name that is in neither table throws std::logic_error.
class Parsed {
 public:
  Parsed() = default;
  Parsed(std::span<const Option> options, std::span<const Option> global_options)
      : options_(options), global_options_(global_options) {}

  std::vector<std::string> operands;
  bool help = false;  ///< --help, or -h where no option has that letter; operands are unchecked then

  /// Whether the switch is on or the option was given; `otherwise` when it was not mentioned.
  bool has(std::string_view name, bool otherwise = false) const;
  /// Whether any option was given besides the global ones.
  bool has_any() const;
  /// The last value.
  std::optional<std::string> value(std::string_view name) const;
  /// All values in order; std::logic_error for an option that is not repeatable.
  std::vector<std::string> values(std::string_view name) const;
  /// The last value as `read(text)` understands it; what `read` throws is worded as docker words a wrong
  /// value.
  template <typename Read>
  auto value_as(std::string_view name, Read read) const
      -> std::optional<std::invoke_result_t<Read, const std::string&>> {
    const Given* given = last(name);
    if (!given) return std::nullopt;
    return read_value(*given, read);
  }
  /// All values of a repeatable option, in order, each as `read(text)` understands it.
  template <typename Read>
  auto values_as(std::string_view name, Read read) const
      -> std::vector<std::invoke_result_t<Read, const std::string&>> {
    std::vector<std::invoke_result_t<Read, const std::string&>> read_values;
    for (const Given* given : all(name)) read_values.push_back(read_value(*given, read));
    return read_values;
  }

  /// What the parser found; for it and for joining the options before the command with those after it.
  void add(const Option& option, std::string value);
  void add_all(const Parsed& other);

 private:
  struct Given {
    const Option* option;
    std::string value;  ///< of a switch: "true" or "false"
  };
  template <typename Read>
  static auto read_value(const Given& given, Read& read) {
    try {
      return read(given.value);
    } catch (const Error& error) {
      refuse_value(*given.option, given.value, error);
    }
  }
  const Given* last(std::string_view name) const;
  std::vector<const Given*> all(std::string_view name) const;
  const Option& entry(std::string_view name) const;
  [[noreturn]] static void refuse_value(const Option& option, std::string_view value, const Error& error);

  std::span<const Option> options_, global_options_;
  std::vector<Given> given_;
};

/// The first half of a command line: the global options, and which command the rest belongs to.
struct Split {
  Parsed globals;
  const Command* command = nullptr;  ///< null: none was named
  std::string_view group;            ///< "network" when only the group was named: show its help
  Words words;                       ///< what follows the command's name
};

/// Finds the command after the global options. Throws Error{usage} for an unknown command or option.
Split split(const Program& program, Words words);

/// By name or alias; null when there is none.
const Command* find_command(const Program& program, std::string_view name);

/// Reads the words after the command's name. Throws Error{usage}.
Parsed parse(const Program& program, const Command& command, Words words);
/// The same with the global options from before the command; those after it win.
Parsed parse(const Program& program, const Split& split);

/// `invalid argument "x" for "-m, --memory" flag: why`, to throw.
Error invalid_argument(const Option& option, std::string_view value, std::string_view why,
                       std::string hint = {});

namespace detail {

constexpr std::string_view flaw_of_name(std::string_view name) {
  if (name.empty() || name.front() == '-') return "a name is empty or starts with a dash";
  if (name.find_first_of("= ") != name.npos) return "an option's name contains = or a space";
  if (name == "help") return "--help is built in";
  return {};
}

constexpr std::string_view flaw_of_options(std::span<const Option> options) {
  for (std::size_t i = 0; i < options.size(); ++i) {
    const Option& option = options[i];
    if (const auto flaw = flaw_of_name(option.name); !flaw.empty()) return flaw;
    if (option.letter == '-' || option.letter == '=' || option.letter < 0)
      return "an option's letter is none";
    if (option.help.empty()) return "an option has no help";
    if (option.placeholder.empty() != (option.takes == Takes::nothing))
      return "a placeholder is for options that take a value, and for all of them";
    for (std::size_t j = 0; j < i; ++j) {
      if (options[j].name == option.name) return "two options share a name";
      if (option.letter != 0 && options[j].letter == option.letter) return "two options share a letter";
    }
  }
  return {};
}

}  // namespace detail

/// What is wrong with the tables, empty when nothing: `static_assert(flaw(program).empty())`.
constexpr std::string_view flaw(const Program& program) {
  if (const auto found = detail::flaw_of_options(program.global_options); !found.empty()) return found;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const Command& command = program.commands[i];
    if (const auto found = detail::flaw_of_options(command.options); !found.empty()) return found;
    if (command.name.empty() || command.summary.empty()) return "a command has no name or no summary";
    if (command.maximum_operands >= 0 && command.maximum_operands < command.minimum_operands)
      return "a command allows fewer operands than it requires";
    for (std::size_t j = 0; j < i; ++j)
      if (program.commands[j].name == command.name) return "two commands share a name";
    for (const Option& option : command.options)
      for (const Option& global : program.global_options)
        if (global.name == option.name) return "an option shares its name with a global one";
  }
  return {};
}

}  // namespace tare::cli
