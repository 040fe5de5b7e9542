#include "oci/change_words.h"

#include <optional>

#include "base/error.h"
#include "base/format.h"

namespace tare::oci {
namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

bool is_blank(char c) { return blanks.find(c) != blanks.npos; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Expansion {
 public:
  Expansion(std::string_view text, const std::vector<std::string>& environment)
      : rest_(text), environment_(environment) {}

  std::string run() {
    std::string result = until('\0');
    return result;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  // Up to an unquoted `end`, which is taken; '\0': the end of the text.
  std::string until(char end) {
    std::string result;
    while (!rest_.empty()) {
      const char c = take();
      if (end != '\0' && c == end) return result;
      if (c == '\'')
        result += literally();
      else if (c == '"')
        result += quoted();
      else if (c == '$')
        result += variable();
      else if (c != '\\')
        result += c;
      else if (!rest_.empty())
        result += take();
    }
    if (end != '\0') throw Error(ErrorKind::invalid, format("a {} is missing", end));
    return result;
  }

  std::string literally() {
    const auto end = rest_.find('\'');
    if (end == rest_.npos) throw Error(ErrorKind::invalid, "a single quote has no end");
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string quoted() {
    std::string result;
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return result;
      if (c == '$') {
        result += variable();
      } else if (c == '\\' && !rest_.empty()) {
        // As a shell: before other characters it means itself.
        if (rest_.front() != '"' && rest_.front() != '$' && rest_.front() != '\\') result += c;
        result += take();
      } else {
        result += c;
      }
    }
    throw Error(ErrorKind::invalid, "a double quote has no end");
  }

  std::string take_name() {
    std::size_t size = 0;
    while (size < rest_.size() && is_name_character(rest_[size])) size++;
    std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return name;
  }

  std::string variable() {
    if (rest_.empty()) return "$";
    if (rest_.front() != '{') {
      const std::string name = take_name();
      return name.empty() ? "$" : value_of(name).value_or("");
    }
    take();
    const std::string name = take_name();
    if (name.empty()) throw Error(ErrorKind::invalid, "no variable's name follows ${");
    const bool empty_is_unset = rest_.starts_with(':');
    if (empty_is_unset) take();
    const char action = rest_.empty() ? '\0' : take();
    if (action == '}' && !empty_is_unset) return value_of(name).value_or("");
    if (action != '-' && action != '+')
      throw Error(ErrorKind::invalid, format("${{{} is no way to write a variable", name), 0,
                  "${NAME}, ${NAME:-WORD} and ${NAME:+WORD} are");
    const std::string word = until('}');
    const auto value = value_of(name);
    const bool is_set = value && !(empty_is_unset && value->empty());
    if (action == '+') return is_set ? word : "";
    return is_set ? *value : word;
  }

  std::optional<std::string> value_of(const std::string& name) const {
    for (const auto& variable : environment_)
      if (variable.starts_with(name) && variable.size() > name.size() && variable[name.size()] == '=')
        return variable.substr(name.size() + 1);
    return std::nullopt;
  }

  std::string_view rest_;
  const std::vector<std::string>& environment_;
};

}  // namespace

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (quote == '\0' && is_blank(c)) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += c;
    if (c == '\\' && quote != '\'' && i + 1 < text.size())
      words.back() += text[++i];
    else if (quote == '\0' && (c == '"' || c == '\''))
      quote = c;
    else if (c == quote)
      quote = '\0';
  }
  return words;
}

std::string expand(std::string_view text, const std::vector<std::string>& environment) {
  return Expansion(text, environment).run();
}

}  // namespace tare::oci
