#include "cli/option_table.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/format.h"
#include "cli/suggest.h"
#include "cli/text.h"

namespace tare::cli {
namespace {

constexpr Option help_option = {"help", 0, Takes::nothing, "", "Show this help"};

/// A word as an error shows it: a sentence stays readable whatever was typed.
std::string shown(std::string_view word) {
  constexpr std::size_t longest = 128;
  if (word.size() <= longest) return printable(word);
  word = word.substr(0, longest);
  return printable(word) + "...";
}

std::string letter_shown(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return byte < 0x80 ? format("'{}'", printable({&letter, 1})) : format("'\\x{:02x}'", byte);
}

/// As Go's strconv.ParseBool.
std::optional<bool> truth(std::string_view text) {
  constexpr std::array<std::string_view, 6> yes = {"true", "1", "t", "T", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> no = {"false", "0", "f", "F", "FALSE", "False"};
  for (const auto word : yes)
    if (text == word) return true;
  for (const auto word : no)
    if (text == word) return false;
  return std::nullopt;
}

const Option* find_by_name(std::span<const Option> options, std::string_view name) {
  for (const Option& option : options)
    if (option.name == name) return &option;
  return nullptr;
}

const Option* find_by_letter(std::span<const Option> options, char letter) {
  for (const Option& option : options)
    if (option.letter == letter) return &option;
  return nullptr;
}

bool is_operand(std::string_view word) { return word.size() < 2 || word.front() != '-'; }

/// "tare run", or "tare" before a command is known.
std::string spoken_name(const Program& program, const Command* command) {
  std::string name(program.name);
  if (command) name.append(" ").append(command->name);
  return name;
}

/// Reads options, and operands between them, off the front of the words.
class Reader {
 public:
  Reader(const Program& program, const Command* command, Words words)
      : program_(program),
        command_(command),
        options_(command ? command->options : std::span<const Option>()),
        words_(words),
        parsed_(options_, program.global_options) {}

  /// Everything up to the first operand, which stays.
  void read_options() {
    while (!words_.empty() && !is_operand(words_.front())) {
      const std::string_view word = take_word();
      if (word == "--") return;
      read_option(word);
    }
  }

  void read_all() {
    while (!words_.empty()) {
      const std::string_view word = words_.front();
      if (is_operand(word) && command_->options_end_at_first_operand) break;
      take_word();
      if (is_operand(word))
        parsed_.operands.emplace_back(word);
      else if (word == "--")
        break;
      else
        read_option(word);
    }
    parsed_.operands.insert(parsed_.operands.end(), words_.begin(), words_.end());
  }

  Words rest() const { return words_; }
  Parsed take() { return std::move(parsed_); }

 private:
  std::string_view take_word() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  const Option* by_name(std::string_view name) const {
    if (name == help_option.name) return &help_option;
    if (const Option* option = find_by_name(options_, name)) return option;
    return find_by_name(program_.global_options, name);
  }

  const Option* by_letter(char letter) const {
    if (letter == 0) return nullptr;
    if (const Option* option = find_by_letter(options_, letter)) return option;
    if (const Option* option = find_by_letter(program_.global_options, letter)) return option;
    return letter == 'h' ? &help_option : nullptr;
  }

  void read_option(std::string_view word) {
    if (word.starts_with("--")) return read_long(word, word.substr(2));
    const std::string_view name = word.substr(1, word.find('=') - 1);
    if (program_.single_dash_names && name.size() > 1 && by_name(name))
      return read_long(word, word.substr(1));
    read_letters(word.substr(1));
  }

  void read_long(std::string_view word, std::string_view text) {
    if (text.front() == '-' || text.front() == '=') refuse(format("bad flag syntax: {}", shown(word)));
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const Option* option = by_name(name);
    if (!option) refuse(format("unknown flag: --{}", shown(name)), nearest_option(name));
    if (equals != text.npos) return set(*option, text.substr(equals + 1));
    if (option->takes == Takes::nothing) return set(*option, "true");
    if (option->takes == Takes::optional_value) return set(*option, "");
    if (words_.empty()) refuse(format("flag needs an argument: {}", shown(word)));
    set(*option, take_word());
  }

  /// `-it`, `-w/dir`, `-w=/dir`, `-itw /dir`. A final lone `=` is no value but a letter nobody has, or the
  /// value `=`: docker's parser reads it so.
  void read_letters(std::string_view letters) {
    const std::string_view all = letters;
    while (!letters.empty()) {
      const Option* option = by_letter(letters.front());
      if (!option)
        refuse(format("unknown shorthand flag: {} in -{}", letter_shown(letters.front()), shown(letters)),
               letters.size() == all.size() && all.size() > 1 ? nearest_option(all.substr(0, all.find('=')))
                                                              : "");
      if (letters.size() > 2 && letters[1] == '=') return set(*option, letters.substr(2));
      if (option->takes != Takes::value) {
        set(*option, option->takes == Takes::nothing ? "true" : "");
        letters.remove_prefix(1);
        continue;
      }
      if (letters.size() > 1) return set(*option, letters.substr(1));
      if (words_.empty())
        refuse(format("flag needs an argument: {} in -{}", letter_shown(letters.front()), shown(letters)));
      return set(*option, take_word());
    }
  }

  void set(const Option& option, std::string_view value) {
    if (option.takes != Takes::nothing) return parsed_.add(option, std::string(value));
    const std::optional<bool> on = truth(value);
    if (!on) throw invalid_argument(option, value, "neither true nor false", see_help());
    if (&option == &help_option)
      parsed_.help = *on;
    else
      parsed_.add(option, *on ? "true" : "false");
  }

  std::string nearest_option(std::string_view name) const {
    Suggestion suggestion(name);
    for (const auto table : {options_, program_.global_options})
      for (const Option& option : table) suggestion.consider(option.name);
    suggestion.consider(help_option.name);
    const auto nearest = suggestion.nearest();
    return nearest ? format("did you mean --{}? ", *nearest) : "";
  }

  std::string see_help() const { return format("see '{} --help'", spoken_name(program_, command_)); }

  [[noreturn]] void refuse(std::string text, std::string_view suggestion = {}) const {
    throw Error(ErrorKind::usage, std::move(text), 0, std::string(suggestion) + see_help());
  }

  const Program& program_;
  const Command* command_;
  std::span<const Option> options_;
  Words words_;
  Parsed parsed_;
};

std::string arguments(int count) { return format("{} argument{}", count, count == 1 ? "" : "s"); }

void check_operands(const Program& program, const Command& command, std::size_t count) {
  const int minimum = command.minimum_operands, maximum = command.maximum_operands;
  const auto given = static_cast<int>(std::min<std::size_t>(count, 1'000'000));
  if (given >= minimum && (maximum < 0 || given <= maximum)) return;
  std::string rule;
  if (maximum == 0)
    rule = "accepts no arguments";
  else if (minimum == maximum)
    rule = "requires " + arguments(minimum);
  else if (maximum < 0)
    rule = "requires at least " + arguments(minimum);
  else if (minimum == 0)
    rule = "requires at most " + arguments(maximum);
  else
    rule = format("requires at least {} and at most {}", minimum, arguments(maximum));
  const std::string name = spoken_name(program, &command);
  throw Error(
      ErrorKind::usage, format("\"{}\" {}", name, rule), 0,
      format("{}{}{}; see '{} --help'", name, command.operands.empty() ? "" : " ", command.operands, name));
}

/// Calls `visit` with the command's name, then each alias, until it returns true.
template <typename Visit>
bool visit_names(const Command& command, Visit visit) {
  if (visit(command.name)) return true;
  std::string_view rest = command.aliases;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (visit(rest.substr(0, comma))) return true;
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  }
  return false;
}

/// The group of that name, as the table spells it; empty when no command is in it.
std::string_view find_group(const Program& program, std::string_view name) {
  std::string_view group;
  for (const Command& command : program.commands)
    if (visit_names(command, [&](std::string_view full) {
          if (full.size() <= name.size() || !full.starts_with(name) || full[name.size()] != ' ') return false;
          group = full.substr(0, name.size());
          return !group.empty();
        }))
      return group;
  return group;
}

[[noreturn]] void refuse_command(const Program& program, std::string_view group, std::string_view word) {
  Suggestion suggestion(word);
  for (const Command& command : program.commands)
    visit_names(command, [&](std::string_view full) {
      if (group.empty())
        suggestion.consider(full.substr(0, full.find(' ')));
      else if (full.starts_with(group) && full.size() > group.size() && full[group.size()] == ' ')
        suggestion.consider(full.substr(group.size() + 1));
      return false;
    });
  const std::string path = group.empty() ? std::string(program.name) : format("{} {}", program.name, group);
  const auto nearest = suggestion.nearest();
  throw Error(
      ErrorKind::usage, format("unknown command: {} {}", path, shown(word)), 0,
      format("{}see '{} --help'", nearest ? format("did you mean '{} {}'? ", path, *nearest) : "", path));
}

}  // namespace

bool Parsed::has_any() const {
  return std::ranges::any_of(given_, [&](const Given& given) {
    return std::ranges::any_of(options_, [&](const Option& option) { return &option == given.option; });
  });
}

bool Parsed::has(std::string_view name, bool otherwise) const {
  const Given* given = last(name);
  if (!given) return otherwise;
  return given->option->takes != Takes::nothing || given->value == "true";
}

std::optional<std::string> Parsed::value(std::string_view name) const {
  const Given* given = last(name);
  return given ? std::optional(given->value) : std::nullopt;
}

std::vector<std::string> Parsed::values(std::string_view name) const {
  std::vector<std::string> values;
  for (const Given* given : all(name)) values.push_back(given->value);
  return values;
}

void Parsed::add(const Option& option, std::string value) { given_.push_back({&option, std::move(value)}); }

void Parsed::add_all(const Parsed& other) {
  given_.insert(given_.end(), other.given_.begin(), other.given_.end());
  help = help || other.help;
}

const Parsed::Given* Parsed::last(std::string_view name) const {
  for (auto given = given_.rbegin(); given != given_.rend(); ++given)
    if (given->option->name == name) return &*given;
  entry(name);
  return nullptr;
}

std::vector<const Parsed::Given*> Parsed::all(std::string_view name) const {
  if (!entry(name).repeatable) throw std::logic_error(format("option --{} is not repeatable", name));
  std::vector<const Given*> found;
  for (const Given& given : given_)
    if (given.option->name == name) found.push_back(&given);
  return found;
}

const Option& Parsed::entry(std::string_view name) const {
  const Option* option = find_by_name(options_, name);
  if (!option) option = find_by_name(global_options_, name);
  if (!option) throw std::logic_error(format("no option --{} in the table", name));
  return *option;
}

void Parsed::refuse_value(const Option& option, std::string_view value, const Error& error) {
  const std::string why = error.error_number() == 0
                              ? error.text()
                              : format("{}: {}", error.text(), errno_words(error.error_number()));
  throw invalid_argument(option, value, why, error.hint());
}

Error invalid_argument(const Option& option, std::string_view value, std::string_view why, std::string hint) {
  const std::string letter = option.letter == 0 ? "" : format("-{}, ", option.letter);
  return Error(
      ErrorKind::usage,
      format("invalid argument \"{}\" for \"{}--{}\" flag: {}", shown(value), letter, option.name, why), 0,
      std::move(hint));
}

const Command* find_command(const Program& program, std::string_view name) {
  for (const Command& command : program.commands)
    if (visit_names(command, [&](std::string_view known) { return known == name; })) return &command;
  return nullptr;
}

Split split(const Program& program, Words words) {
  Reader reader(program, nullptr, words);
  reader.read_options();
  Split split;
  split.words = reader.rest();
  split.globals = reader.take();
  if (split.words.empty()) return split;
  const std::string_view word = split.words.front();
  split.words = split.words.subspan(1);
  split.group = find_group(program, word);
  if (!split.group.empty() && !split.words.empty()) {
    split.command = find_command(program, format("{} {}", word, split.words.front()));
    if (split.command) split.words = split.words.subspan(1);
  }
  if (!split.command) split.command = find_command(program, word);
  if (split.command) {
    split.group = {};
    return split;
  }
  if (split.group.empty()) refuse_command(program, {}, word);
  Reader after_group(program, nullptr, split.words);
  after_group.read_options();
  split.words = after_group.rest();
  split.globals.add_all(after_group.take());
  if (!split.words.empty()) refuse_command(program, split.group, split.words.front());
  return split;
}

Parsed parse(const Program& program, const Command& command, Words words) {
  Split split;
  split.command = &command;
  split.words = words;
  return parse(program, split);
}

Parsed parse(const Program& program, const Split& split) {
  const Command& command = *split.command;
  Reader reader(program, &command, split.words);
  reader.read_all();
  Parsed after = reader.take();
  Parsed parsed(command.options, program.global_options);
  parsed.add_all(split.globals);
  parsed.add_all(after);
  parsed.operands = std::move(after.operands);
  if (!parsed.help) check_operands(program, command, parsed.operands.size());
  return parsed;
}

}  // namespace tare::cli
