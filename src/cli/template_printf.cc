#include "cli/template_printf.h"

#include <algorithm>

#include "base/format.h"
#include "cli/text.h"

namespace tare::cli {
namespace {

constexpr std::size_t widest = 10'000;

struct Verb {
  bool left = false, zero = false, plus = false, space = false, sharp = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
  char letter = '\0';
};

std::size_t take_number(std::string_view& pattern) {
  std::size_t number = 0;
  for (; !pattern.empty() && pattern[0] >= '0' && pattern[0] <= '9'; pattern.remove_prefix(1))
    number = std::min(number * 10 + static_cast<std::size_t>(pattern[0] - '0'), widest);
  return number;
}

// After the percent sign.
Verb take_verb(std::string_view& pattern) {
  Verb verb;
  for (bool is_flag = true; is_flag && !pattern.empty();) {
    switch (pattern[0]) {
      case '-': verb.left = true; break;
      case '0': verb.zero = true; break;
      case '+': verb.plus = true; break;
      case ' ': verb.space = true; break;
      case '#': verb.sharp = true; break;
      default: is_flag = false;
    }
    if (is_flag) pattern.remove_prefix(1);
  }
  verb.width = take_number(pattern);
  if (pattern.starts_with('.')) {
    pattern.remove_prefix(1);
    verb.precision = take_number(pattern);
  }
  if (!pattern.empty()) {
    verb.letter = pattern[0];
    pattern.remove_prefix(1);
  }
  return verb;
}

std::string padded(const Verb& verb, std::string text, bool is_number) {
  const std::size_t columns = columns_of(text);
  if (columns >= verb.width) return text;
  const std::size_t missing = verb.width - columns;
  if (verb.left) return text.append(missing, ' ');
  if (!verb.zero || !is_number) return std::string(missing, ' ') + text;
  const bool has_sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  return text.insert(has_sign ? 1 : 0, missing, '0');
}

std::string quoted(std::string_view text) {
  std::string all = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      all.append(1, '\\').append(1, c);
    else if (c == '\n' || c == '\t' || c == '\r')
      all.append(c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (byte < ' ' || byte == 0x7f)
      all += format("\\x{:02x}", byte);
    else
      all.push_back(c);
  }
  return all + "\"";
}

std::string hexadecimal(std::string_view text, bool is_upper) {
  std::string all;
  for (const char c : text)
    all += is_upper ? format("{:02X}", static_cast<unsigned char>(c))
                    : format("{:02x}", static_cast<unsigned char>(c));
  return all;
}

// nullopt: the verb does not go with the value.
std::optional<std::string> integer_text(const Verb& verb, std::int64_t number) {
  const std::uint64_t size =
      number < 0 ? -static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  const std::string sign = number < 0 ? "-" : verb.plus ? "+" : verb.space ? " " : "";
  switch (verb.letter) {
    case 'v':
    case 'd': return format("{}{}", sign, size);
    case 'x': return format("{}{}{:x}", sign, verb.sharp ? "0x" : "", size);
    case 'X': return format("{}{}{:X}", sign, verb.sharp ? "0X" : "", size);
    case 'o': return format("{}{:o}", sign, size);
    case 'b': return format("{}{:b}", sign, size);
    case 'c': return size < 0x80 ? std::string(1, static_cast<char>(size)) : std::string("?");
    default: return std::nullopt;
  }
}

std::optional<std::string> real_text(const Verb& verb, double number) {
  const std::string sign = verb.plus && number >= 0 ? "+" : "";
  const int precision = static_cast<int>(std::min<std::size_t>(verb.precision.value_or(6), 100));
  switch (verb.letter) {
    case 'f':
    case 'F': return sign + format("{:.{}f}", number, precision);
    case 'e': return sign + format("{:.{}e}", number, precision);
    case 'v':
    case 'g': return sign + (verb.precision ? format("{:.{}g}", number, precision) : format("{}", number));
    default: return std::nullopt;
  }
}

std::optional<std::string> text_text(const Verb& verb, std::string_view text) {
  if (verb.precision) {
    std::size_t size = 0;
    for (std::size_t left = *verb.precision; size < text.size() && left > 0; left--) do
        size++;
      while (size < text.size() && (text[size] & 0xc0) == 0x80);
    text = text.substr(0, size);
  }
  switch (verb.letter) {
    case 'v':
    case 's': return std::string(text);
    case 'q': return quoted(text);
    case 'x':
    case 'X': return hexadecimal(text, verb.letter == 'X');
    default: return std::nullopt;
  }
}

std::string formatted(const Verb& verb, const TemplateValue& value) {
  std::optional<std::string> text;
  bool is_number = false;
  if (!value || value->is_null()) {
    if (verb.letter == 'v') text = "<nil>";
  } else if (value->is_int64()) {
    is_number = true;
    text = integer_text(verb, value->get_int64());
  } else if (value->is_double()) {
    is_number = true;
    text = real_text(verb, value->get_double());
  } else if (value->is_bool()) {
    if (verb.letter == 't' || verb.letter == 'v') text = value->get_bool() ? "true" : "false";
  } else {
    text = text_text(verb, printed(value));
  }
  if (text) return padded(verb, std::move(*text), is_number);
  return format("%!{}({}={})", verb.letter, type_name(value), printed(value));
}

}  // namespace

std::string format_as_go(std::string_view pattern, std::span<const TemplateValue> arguments) {
  std::string all;
  std::size_t next = 0;
  while (!pattern.empty()) {
    const auto percent = std::min(pattern.find('%'), pattern.size());
    all.append(pattern.substr(0, percent));
    if (percent == pattern.size()) break;
    pattern.remove_prefix(percent + 1);
    const Verb verb = take_verb(pattern);
    if (verb.letter == '%')
      all.push_back('%');
    else if (verb.letter == '\0')
      all += "%!(NOVERB)";
    else if (next >= arguments.size())
      all += format("%!{}(MISSING)", verb.letter);
    else
      all += formatted(verb, arguments[next++]);
  }
  if (next < arguments.size()) {
    all += "%!(EXTRA ";
    for (std::size_t i = next; i < arguments.size(); i++)
      all += format("{}{}={}", i > next ? ", " : "", type_name(arguments[i]), printed(arguments[i]));
    all += ")";
  }
  return all;
}

}  // namespace tare::cli
