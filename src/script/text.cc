#include "script/text.h"

#include <algorithm>
#include <cctype>

#include "base/format.h"

namespace tare::script {
namespace {

bool is_plain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("/._-+:,=@%").find(c) != std::string_view::npos;
}

}  // namespace

bool is_own(std::string_view word) { return word.starts_with("\"$work\""); }

std::string quoted(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

void Text::section(std::string_view title) {
  text_ += format("\n{}# --- {}\n", std::string(indent, ' '), title);
}

void Text::line(std::string_view command, std::string_view why) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  // A path may hold a newline, and what stands behind it would be a command.
  std::string comment(why);
  for (char& c : comment)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  text_ += format("{}# {}\n{}{}\n", margin, comment, margin, command);
}

void Text::move(std::string_view from, const std::string& to) {
  if (!from.empty()) places_.emplace_back(from, "\"$work\"" + (to.empty() ? to : "/" + to));
}

void Text::copy(std::string_view layer, const std::string& to) {
  copies_.emplace_back(layer, "\"$work\"/" + to);
}

std::string Text::host_path(std::string_view path) const {
  for (const auto& [from, to] : places_)
    if (path.starts_with(from) && (path.size() == from.size() || path[from.size()] == '/'))
      return to + (path.size() == from.size() ? "" : quoted(path.substr(from.size())));
  const auto at = id_.empty() ? path.npos : path.find(id_);
  if (at == path.npos) return quoted(path);
  const std::string_view rest = path.substr(at + id_.size());
  return quoted(path.substr(0, at)) + "\"$id\"" + (rest.empty() ? "" : quoted(rest));
}

std::string Text::layer_path(std::string_view path) const {
  const auto known = std::ranges::find(copies_, path, &std::pair<std::string, std::string>::first);
  return known == copies_.end() ? host_path(path) : known->second;
}

}  // namespace tare::script
