#include "registry/www_authenticate.h"

#include <algorithm>
#include <optional>

namespace tare::registry {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
// RFC 9110, 5.6.2: tchar.
bool is_token_character(char c) {
  return is_letter_or_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
}
// RFC 9110, 11.2: token68, without the equals signs at its end.
bool is_token68_character(char c) { return is_letter_or_digit(c) || std::string_view("-._~+/").contains(c); }

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

/// Takes a text apart from its beginning.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void go_back_to(std::string_view rest) { rest_ = rest; }

  /// How many blanks and tabs there were.
  std::size_t skip_blanks() {
    return take_while([](char c) { return c == ' ' || c == '\t'; }).size();
  }
  void skip_blanks_and_commas() {
    take_while([](char c) { return c == ' ' || c == '\t' || c == ','; });
  }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() { return take_while(is_token_character); }
  std::string_view token68() {
    const std::string_view from = rest_;
    if (take_while(is_token68_character).empty()) return {};
    take_while([](char c) { return c == '='; });
    return from.substr(0, from.size() - rest_.size());
  }
  /// nullopt: it does not end, or has a control character in it.
  std::optional<std::string> quoted() {
    if (!skip('"')) return std::nullopt;
    std::string text;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') return std::nullopt;
      text += c;
    }
    return std::nullopt;
  }

 private:
  template <typename Belongs>
  std::string_view take_while(Belongs belongs) {
    const auto end = std::ranges::find_if_not(rest_, belongs);
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

// name = value, blanks allowed around the sign. False, with the reader where it was: there is none.
bool read_parameter(Reader& reader, Challenge& challenge) {
  const std::string_view before = reader.rest();
  const std::string_view name = reader.token();
  reader.skip_blanks();
  if (!name.empty() && reader.skip('=')) {
    reader.skip_blanks();
    std::optional<std::string> value = reader.quoted();
    if (!value && !reader.rest().starts_with('"')) {
      const std::string_view plain = reader.token();
      if (!plain.empty()) value = plain;
    }
    reader.skip_blanks();
    // "a==" is a token68, not a parameter.
    if (value && (reader.is_at_end() || reader.rest().starts_with(','))) {
      challenge.parameters.emplace_back(in_small_letters(name), std::move(*value));
      return true;
    }
  }
  reader.go_back_to(before);
  return false;
}

bool read_token68(Reader& reader, Challenge& challenge) {
  const std::string_view before = reader.rest();
  const std::string_view token = reader.token68();
  reader.skip_blanks();
  if (!token.empty() && (reader.is_at_end() || reader.rest().starts_with(','))) {
    challenge.token = token;
    return true;
  }
  reader.go_back_to(before);
  return false;
}

}  // namespace

std::string_view Challenge::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name, [](const auto& pair) { return pair.first; });
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Reader reader(header);
  for (reader.skip_blanks_and_commas(); !reader.is_at_end(); reader.skip_blanks_and_commas()) {
    Challenge challenge;
    challenge.scheme = in_small_letters(reader.token());
    if (challenge.scheme.empty()) return challenges;
    const bool is_followed = reader.skip_blanks() > 0;
    // A comma separates parameters and challenges alike: what stands behind one is a parameter if it reads as
    // one.
    if (is_followed && !reader.rest().starts_with(',') && !reader.is_at_end()) {
      if (read_parameter(reader, challenge)) {
        for (;;) {
          const std::string_view before = reader.rest();
          reader.skip_blanks_and_commas();
          if (read_parameter(reader, challenge)) continue;
          reader.go_back_to(before);
          break;
        }
      } else if (!read_token68(reader, challenge)) {
        return challenges;
      }
    } else if (!reader.is_at_end() && !reader.rest().starts_with(',')) {
      return challenges;
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

const Challenge* find_challenge(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::ranges::find(challenges, scheme, &Challenge::scheme);
  return found == challenges.end() ? nullptr : &*found;
}

}  // namespace tare::registry
