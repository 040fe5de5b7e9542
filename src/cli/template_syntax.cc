#include "cli/template_syntax.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "base/format.h"
#include "cli/template_functions.h"

namespace tare::cli::syntax {
namespace {

constexpr int deepest = 100;  // of what can be nested

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

void append_utf8(std::string& out, unsigned long point) {
  const auto byte = [&](unsigned long bits) { out.push_back(static_cast<char>(bits)); };
  const auto rest = [&](int shift) { byte(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80)
    byte(point);
  else if (point < 0x800)
    byte(0xc0 | point >> 6), rest(0);
  else if (point < 0x10000)
    byte(0xe0 | point >> 12), rest(6), rest(0);
  else
    byte(0xf0 | point >> 18), rest(12), rest(6), rest(0);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<Node> parse() {
    std::vector<Node> nodes = parse_list();
    if (stop_ == Stop::end) fail("unexpected {{end}}");
    if (stop_ == Stop::otherwise) fail("unexpected {{else}}");
    return nodes;
  }

 private:
  enum class Stop { text_end, end, otherwise };

  [[noreturn]] void fail(const std::string& why) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw Error(ErrorKind::invalid, format("template parsing error: template: :{}: {}", line, why));
  }

  std::string_view rest() const { return text_.substr(at_); }
  char look() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view expected) {
    if (!rest().starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  void skip_blanks() {
    while (is_blank(look())) at_++;
  }
  std::string_view take_word() {
    const std::size_t begin = at_;
    while (is_letter(look()) || (at_ > begin && is_digit(look()))) at_++;
    return text_.substr(begin, at_ - begin);
  }

  // Of an action: `}}`, or ` -}}` after a blank, which eats the blanks that follow.
  bool is_at_close() const {
    return rest().starts_with("}}") || (rest().starts_with("-}}") && at_ > 0 && is_blank(text_[at_ - 1]));
  }
  void close() {
    skip_blanks();
    if (!is_at_close()) {
      if (at_ >= text_.size()) fail("unclosed action");
      fail(format("unexpected \"{}\" in operand", rest().substr(0, 1)));
    }
    const bool trims = look() == '-';
    at_ += trims ? 3 : 2;
    if (trims) skip_blanks();
  }

  // Up to the {{end}} or {{else}} that belongs to whoever called: stop_ says which.
  std::vector<Node> parse_list() {
    if (++depth_ > deepest) fail("it is nested too deeply");
    std::vector<Node> nodes;
    stop_ = Stop::text_end;
    while (at_ < text_.size()) {
      const auto open = std::min(text_.find("{{", at_), text_.size());
      std::string_view plain = text_.substr(at_, open - at_);
      at_ = std::min(open + 2, text_.size());
      const bool trims = look() == '-' && at_ + 1 < text_.size() && is_blank(text_[at_ + 1]);
      if (trims) {
        at_++;
        while (!plain.empty() && is_blank(plain.back())) plain.remove_suffix(1);
      }
      if (!plain.empty()) nodes.push_back({.kind = Node::Kind::text, .text = std::string(plain)});
      if (open >= text_.size()) break;
      if (!parse_action(nodes)) break;
    }
    depth_--;
    return nodes;
  }

  // False at one that ends the list.
  bool parse_action(std::vector<Node>& nodes) {
    skip_blanks();
    if (take("/*")) {
      const auto end = text_.find("*/", at_);
      if (end == text_.npos) fail("unclosed comment");
      at_ = end + 2;
      skip_blanks();
      if (!is_at_close()) fail("comment ends before closing delimiter");
      close();
      return true;
    }
    const std::size_t begin = at_;
    const std::string_view word = take_word();
    for (const auto& keyword : keywords)
      if (word == keyword.name) return (this->*keyword.parse)(nodes);
    at_ = begin;
    nodes.push_back({.kind = Node::Kind::output, .pipeline = parse_pipeline("command", 1)});
    close();
    return true;
  }

  bool parse_end(std::vector<Node>&) {
    close();
    stop_ = Stop::end;
    return false;
  }
  bool parse_else(std::vector<Node>&) {
    stop_ = Stop::otherwise;
    return false;  // not closed: an `if` may follow
  }
  bool parse_if(std::vector<Node>& nodes) { return parse_branch(nodes, Node::Kind::condition, "if"); }
  bool parse_range(std::vector<Node>& nodes) { return parse_branch(nodes, Node::Kind::loop, "range"); }
  bool parse_with(std::vector<Node>& nodes) { return parse_branch(nodes, Node::Kind::with, "with"); }
  bool parse_break(std::vector<Node>& nodes) { return parse_jump(nodes, Node::Kind::leave, "break"); }
  bool parse_continue(std::vector<Node>& nodes) { return parse_jump(nodes, Node::Kind::skip, "continue"); }
  bool refuse(std::vector<Node>&) { fail("define, template and block are not supported"); }

  struct Keyword {
    std::string_view name;
    bool (Parser::*parse)(std::vector<Node>&);
  };
  static const Keyword keywords[10];

  bool parse_jump(std::vector<Node>& nodes, Node::Kind kind, std::string_view word) {
    if (loops_ == 0) fail(format("{{{{{}}}}} outside {{{{range}}}}", word));
    close();
    nodes.push_back({.kind = kind});
    return true;
  }

  bool parse_branch(std::vector<Node>& nodes, Node::Kind kind, std::string_view word) {
    const auto scope = variables_.size();
    const bool is_loop = kind == Node::Kind::loop;
    Node node{.kind = kind, .pipeline = parse_pipeline(word, is_loop ? 2 : 1)};
    close();
    loops_ += is_loop;
    node.body = parse_list();
    loops_ -= is_loop;
    if (stop_ == Stop::otherwise) {
      skip_blanks();
      const std::size_t begin = at_;
      const std::string_view next = take_word();
      if ((next == "if" && kind == Node::Kind::condition) || (next == "with" && kind == Node::Kind::with)) {
        if (++depth_ > deepest) fail("it is nested too deeply");
        parse_branch(node.otherwise, kind, next);  // takes the {{end}} for both
        depth_--;
        stop_ = Stop::end;
      } else {
        at_ = begin;
        close();
        node.otherwise = parse_list();
        if (stop_ == Stop::otherwise) fail("expected end; found {{else}}");
      }
    }
    if (stop_ != Stop::end) fail("unexpected EOF");
    stop_ = Stop::text_end;
    variables_.resize(scope);
    nodes.push_back(std::move(node));
    return true;
  }

  // `most_variables`: 2 for range, which has an index.
  Pipeline parse_pipeline(std::string_view context, std::size_t most_variables) {
    if (++depth_ > deepest) fail("it is nested too deeply");
    Pipeline pipeline;
    skip_blanks();
    parse_variables(pipeline, most_variables);
    do {
      skip_blanks();
      pipeline.commands.push_back(parse_command(context));
    } while (take("|"));
    for (std::size_t i = 1; i < pipeline.commands.size(); i++)
      if (const auto kind = pipeline.commands[i].front().kind;
          kind == Operand::Kind::literal || kind == Operand::Kind::nothing)
        fail(format("non executable command in pipeline stage {}", i + 1));
    if (pipeline.declares)
      variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
    depth_--;
    return pipeline;
  }

  void parse_variables(Pipeline& pipeline, std::size_t most) {
    const std::size_t begin = at_;
    std::vector<std::string> names;
    while (look() == '$' && names.size() < most) {
      names.push_back(take_variable());
      skip_blanks();
      if (!take(",")) break;
      skip_blanks();
    }
    pipeline.declares = !names.empty() && take(":=");
    if (pipeline.declares || (!names.empty() && !rest().starts_with("==") && take("="))) {
      if (!pipeline.declares)
        for (const auto& name : names) check_declared(name);
      pipeline.variables = std::move(names);
    } else {
      at_ = begin;
    }
  }

  std::string take_variable() {
    at_++;  // $
    return "$" + std::string(take_word());
  }
  void check_declared(const std::string& name) const {
    if (name != "$" && std::ranges::find(variables_, name) == variables_.end())
      fail(format("undefined variable \"{}\"", name));
  }

  Command parse_command(std::string_view context) {
    Command command;
    while (at_ < text_.size() && !is_at_close() && look() != '|' && look() != ')') {
      command.push_back(parse_operand());
      const char next = look();
      if (!is_blank(next) && next != '|' && next != ')' && !is_at_close()) {
        if (at_ >= text_.size()) fail("unclosed action");
        fail(format("unexpected \"{}\" in operand", rest().substr(0, 1)));
      }
      skip_blanks();
    }
    if (at_ >= text_.size()) fail("unclosed action");
    if (command.empty()) fail(format("missing value for {}", context));
    return command;
  }

  Operand parse_operand() {
    Operand operand;
    operand.begin = at_;
    const char first = look();
    if (first == '.') {
      if (at_ + 1 >= text_.size() || !is_letter(text_[at_ + 1])) at_++;
    } else if (first == '$') {
      operand.kind = Operand::Kind::variable;
      operand.name = take_variable();
      check_declared(operand.name);
    } else if (first == '(') {
      at_++;
      operand.kind = Operand::Kind::pipeline;
      operand.pipeline = std::make_unique<Pipeline>(parse_pipeline("parenthesized pipeline", 0));
      if (!take(")")) fail("unclosed left paren");
    } else if (is_letter(first)) {
      parse_word(operand);
    } else {
      operand.kind = Operand::Kind::literal;
      operand.literal = parse_literal(first);
    }
    while (look() == '.' && at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
      at_++;
      operand.path.emplace_back(take_word());
    }
    operand.end = at_;
    return operand;
  }

  void parse_word(Operand& operand) {
    operand.name = take_word();
    operand.kind = Operand::Kind::literal;
    if (operand.name == "true" || operand.name == "false") {
      operand.literal = operand.name == "true";
    } else if (operand.name == "nil") {
      operand.kind = Operand::Kind::nothing;
    } else if (is_function(operand.name)) {
      operand.kind = Operand::Kind::function;
    } else {
      fail(format("function \"{}\" not defined", operand.name));
    }
  }

  json::value parse_literal(char first) {
    switch (first) {
      case '"': return json::value(take_quoted('"', "unterminated quoted string"));
      case '`': return json::value(take_raw());
      case '\'': return take_character();
      default: break;
    }
    if (is_digit(first) || first == '-' || first == '+') return take_number();
    if (at_ >= text_.size()) fail("unclosed action");
    fail(format("unexpected \"{}\" in command", rest().substr(0, 1)));
  }

  std::string take_raw() {
    const auto end = text_.find('`', ++at_);
    if (end == text_.npos) fail("unterminated raw quoted string");
    const std::size_t begin = at_;
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }

  std::string take_quoted(char quote, const char* unterminated) {
    std::string taken;
    for (at_++; look() != quote;) {
      if (at_ >= text_.size() || look() == '\n') fail(unterminated);
      const char c = text_[at_++];
      if (c == '\\')
        take_escape(taken);
      else
        taken.push_back(c);
    }
    at_++;
    return taken;
  }

  void take_escape(std::string& out) {
    constexpr std::string_view names = "abfnrtv\\'\"", meanings = "\a\b\f\n\r\t\v\\'\"";
    const char kind = look();
    const auto simple = names.find(kind);
    if (at_ < text_.size() && simple != names.npos) {
      at_++;
      out.push_back(meanings[simple]);
      return;
    }
    const std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 3;
    const bool is_octal = kind >= '0' && kind <= '7';
    if (digits == 3 && !is_octal) fail("invalid syntax");
    if (!is_octal) at_++;
    unsigned long number = 0;
    const std::string_view written = rest().substr(0, digits);
    const auto [end, error] =
        std::from_chars(written.data(), written.data() + written.size(), number, is_octal ? 8 : 16);
    const bool is_byte = digits < 4;
    if (error != std::errc() || end != written.data() + digits || number > (is_byte ? 0xff : 0x10ffff))
      fail("invalid syntax");
    at_ += digits;
    if (is_byte)
      out.push_back(static_cast<char>(number));
    else
      append_utf8(out, number);
  }

  // As Go has it, a number.
  json::value take_character() {
    const std::string taken = take_quoted('\'', "unterminated character constant");
    if (taken.empty() || taken.size() > 4) fail("malformed character constant");
    const auto first = static_cast<unsigned char>(taken[0]);
    std::int64_t point = taken.size() == 1 ? first : first & (0x7f >> taken.size());
    for (std::size_t i = 1; i < taken.size(); i++) point = point << 6 | (taken[i] & 0x3f);
    return point;
  }

  json::value take_number() {
    std::size_t size = 1;
    while (size < rest().size() &&
           (is_letter(rest()[size]) || is_digit(rest()[size]) || rest()[size] == '.' ||
            (rest()[size - 1] == 'e' && (rest()[size] == '-' || rest()[size] == '+'))))
      size++;
    const std::string_view written = rest().substr(0, size);
    at_ += size;
    std::string_view digits = written;
    const bool is_negative = digits.front() == '-';
    if (is_negative || digits.front() == '+') digits.remove_prefix(1);
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
      base = 16;
      digits.remove_prefix(2);
    }
    const char* const end = digits.data() + digits.size();
    std::uint64_t whole = 0;
    const auto read = std::from_chars(digits.data(), end, whole, base);
    if (read.ec == std::errc() && read.ptr == end &&
        whole <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return is_negative ? -static_cast<std::int64_t>(whole) : static_cast<std::int64_t>(whole);
    double number = 0;
    const auto real = std::from_chars(digits.data(), end, number);
    if (digits.empty() || !is_digit(digits[0]) || base != 10 || real.ec != std::errc() || real.ptr != end)
      fail(format("bad number syntax: \"{}\"", written));
    return is_negative ? -number : number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Stop stop_ = Stop::text_end;
  std::vector<std::string> variables_;
  int depth_ = 0, loops_ = 0;
};

const Parser::Keyword Parser::keywords[10] = {{"if", &Parser::parse_if},
                                              {"range", &Parser::parse_range},
                                              {"with", &Parser::parse_with},
                                              {"end", &Parser::parse_end},
                                              {"else", &Parser::parse_else},
                                              {"break", &Parser::parse_break},
                                              {"continue", &Parser::parse_continue},
                                              {"define", &Parser::refuse},
                                              {"template", &Parser::refuse},
                                              {"block", &Parser::refuse}};

}  // namespace

std::vector<Node> parse(std::string_view text) { return Parser(text).parse(); }

}  // namespace tare::cli::syntax
