#include "cli/completion.h"

#include <algorithm>

#include "base/format.h"
#include "cli/text.h"

namespace tare::cli {
namespace {

using Files = Completion::Files;

/// Placeholders of which the shell knows more than the program.
constexpr struct {
  std::string_view placeholder;
  Files files;
} file_placeholders[] = {{"DIR", Files::directories}, {"FILE", Files::all},    {"HOST", Files::all},
                         {"PATH", Files::all},        {"PROGRAM", Files::all}, {"ROOTFS", Files::all},
                         {"SOURCE", Files::all}};

/// The words of a table's text: "CONTAINER [CONTAINER...]" are "CONTAINER" and "CONTAINER...".
std::vector<std::string_view> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(separators);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

class Completer {
 public:
  Completer(const Program& program, const NamesOf& names_of) : program_(program), names_of_(names_of) {}

  Completion complete(Words words) {
    if (words.empty()) return {};
    for (const std::string_view word : words.first(words.size() - 1)) pass(word);
    offer(words.back());
    return std::move(completion_);
  }

 private:
  void pass(std::string_view word) {
    if (pending_) {
      pending_ = nullptr;
    } else if (options_ended_ || word.size() < 2 || word.front() != '-') {
      pass_operand(word);
    } else if (word == "--") {
      options_ended_ = true;
    } else {
      pass_option(word);
    }
  }

  void pass_operand(std::string_view word) {
    if (command_) {
      operands_++;
      options_ended_ |= command_->options_end_at_first_operand;
      return;
    }
    path_.append(path_.empty() ? "" : " ").append(word);
    command_ = find_command(program_, path_);
  }

  void pass_option(std::string_view word) {
    const bool is_long = word.starts_with("--");
    const std::string_view name = word.substr(is_long ? 2 : 1);
    if (name.find('=') != name.npos) return;
    const Option* option = is_long || program_.single_dash_names ? by_name(name) : nullptr;
    if (!option && !is_long) option = by_letter(name.back());
    if (option && option->takes == Takes::value) pending_ = option;
  }

  template <typename Is>
  const Option* find_option(Is is) const {
    for (const auto options :
         {command_ ? command_->options : std::span<const Option>(), program_.global_options})
      for (const Option& option : options)
        if (is(option)) return &option;
    return nullptr;
  }
  const Option* by_name(std::string_view name) const {
    return find_option([&](const Option& option) { return option.name == name; });
  }
  const Option* by_letter(char letter) const {
    return find_option([&](const Option& option) { return option.letter == letter; });
  }

  void offer(std::string_view typed) {
    typed_ = typed;
    if (pending_) return offer_values("", pending_->placeholder);
    if (!options_ended_ && typed.starts_with('-')) {
      const std::size_t equals = typed.find('=');
      if (equals == typed.npos || !typed.starts_with("--")) return offer_options();
      const Option* option = by_name(typed.substr(2, equals - 2));
      return option ? offer_values(typed.substr(0, equals + 1), option->placeholder) : void();
    }
    if (!command_) return offer_commands();
    for (const std::string_view alternative : words_of(command_->operands, "|")) offer_operand(alternative);
  }

  void offer_options() {
    find_option([&](const Option& option) {
      add("--" + std::string(option.name), option.help);
      return false;
    });
    add("--help", "Show this help");
  }

  void offer_commands() {
    std::string last;
    for (const Command& command : program_.commands) {
      std::string_view rest = command.name;
      if (!path_.empty() && !rest.starts_with(path_ + " ")) continue;
      rest.remove_prefix(path_.empty() ? 0 : path_.size() + 1);
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (word == last) continue;  // a group, once
      last = word;
      add(last, word == rest ? command.summary : format("Commands for each {}", word));
    }
  }

  void offer_operand(std::string_view operands) {
    const auto placeholders = words_of(operands, "[] ");
    if (placeholders.empty()) return;
    const bool goes_on = placeholders.back().ends_with("...");
    if (operands_ < placeholders.size()) {
      offer_values("", placeholders[operands_]);
    } else if (goes_on) {
      offer_values("", placeholders.back());
    }
  }

  /// For a placeholder such as "DIR", "json|text", "host|container:NAME" or "[SOURCE:]DIR[:OPTIONS]".
  void offer_values(std::string_view before, std::string_view placeholder) {
    for (const std::string_view alternative : words_of(placeholder, "|")) {
      const auto names = words_of(alternative, "[]:.,=");
      if (names.empty()) continue;
      if (is_upper(names.front().front())) {
        offer_names(before, names.front());
      } else if (const auto upper = std::ranges::find_if(alternative, is_upper); upper != alternative.end()) {
        const std::string prefix(alternative.begin(), upper);  // "container:", and then its name
        add(std::string(before) + prefix, "");
        if (typed_.substr(before.size()).starts_with(prefix))
          offer_names(std::string(before) + prefix, names.back());
      } else {
        add(std::string(before) + std::string(alternative), "");
      }
    }
  }

  void offer_names(std::string_view before, std::string_view name) {
    try {
      for (const auto& known : names_of_(name == "NAME" && !before.empty() ? "CONTAINER" : name))
        add(std::string(before) + known, "");
    } catch (const Error&) {
      // Where somebody pressed Tab there is nobody to be told of it.
    }
    for (const auto& row : file_placeholders)
      if (row.placeholder == name) completion_.files = row.files;
  }

  void add(std::string word, std::string_view help) {
    if (word.starts_with(typed_)) completion_.candidates.push_back({std::move(word), std::string(help)});
  }

  const Program& program_;
  const NamesOf& names_of_;
  const Command* command_ = nullptr;
  std::string path_;                 ///< "volume", before there is a command
  const Option* pending_ = nullptr;  ///< its value comes next
  std::size_t operands_ = 0;
  bool options_ended_ = false;
  std::string_view typed_;
  Completion completion_;
};

constexpr std::string_view bash_script =
    R"sh(# Completion for bash, made by `PROGRAM completion bash`: to be sourced, or kept as
# /usr/share/bash-completion/completions/PROGRAM.
_FUNCTION() {
	local line=${COMP_LINE:0:COMP_POINT} words typed prefix word help
	# Words that the shell would split at : and = are whole here.
	read -ra words <<<"$line"
	if [[ $line == *[[:space:]] ]]; then words+=(""); fi
	typed=${words[-1]}
	prefix=${typed%"${typed##*["$COMP_WORDBREAKS"]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r word help; do
		case $word in
		:files) compopt -o default ;;
		:directories) compopt -o dirnames ;;
		*)
			COMPREPLY+=("${word#"$prefix"}")
			if [[ $word == *[:=] ]]; then compopt -o nospace; fi
			;;
		esac
	done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _FUNCTION PROGRAM
)sh";

constexpr std::string_view zsh_script = R"sh(#compdef PROGRAM
# Completion for zsh, made by `PROGRAM completion zsh`: to be sourced, or kept as _PROGRAM in a directory of $fpath.
_FUNCTION() {
	local line word files=
	local -a described
	for line in "${(@f)$("${words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
		word=${line%%$'\t'*}
		case $word in
		'') ;;
		:files) files=_files ;;
		:directories) files=_directories ;;
		*) described+=("${word//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	if (( $#described )); then _describe -V PROGRAM described; fi
	if [[ -n $files ]]; then $files; fi
}
if [[ $funcstack[1] == _FUNCTION ]]; then _FUNCTION "$@"; else compdef _FUNCTION PROGRAM; fi
)sh";

constexpr std::string_view fish_script =
    R"sh(# Completion for fish, made by `PROGRAM completion fish`: to be sourced, or kept as
# /usr/share/fish/vendor_completions.d/PROGRAM.fish.
function __FUNCTION_complete
    set -l typed (commandline -ct)
    set -l words (commandline -opc)
    for line in ($words[1] __complete $words[2..] "$typed" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$typed"
            case ':directories'
                __fish_complete_directories "$typed"
            case '*'
                echo $line
        end
    end
end
complete -c PROGRAM -f -a '(__FUNCTION_complete)'
)sh";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    result.append(text.substr(at, found - at));
    if (found == text.npos) return result;
    result.append(to);
    at = found + from.size();
  }
}

}  // namespace

Completion complete(const Program& program, Words words, const NamesOf& names_of) {
  return Completer(program, names_of).complete(words);
}

std::string to_text(const Completion& completion) {
  std::string text;
  for (const auto& candidate : completion.candidates)
    text.append(printable(candidate.word)).append("\t").append(printable(candidate.help)).append("\n");
  if (completion.files == Files::all) text += ":files\n";
  if (completion.files == Files::directories) text += ":directories\n";
  return text;
}

std::string completion_script(const Program& program, std::string_view shell) {
  constexpr struct {
    std::string_view shell, script;
  } rows[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
  for (const auto& row : rows)
    if (row.shell == shell)
      return replaced(replaced(row.script, "FUNCTION", replaced(program.name, "-", "_")), "PROGRAM",
                      program.name);
  throw Error(ErrorKind::usage, format("there is no completion for \"{}\"", printable(shell)), 0,
              "bash, zsh or fish");
}

}  // namespace tare::cli
