#include "log.h"

#include <cctype>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/time.h"
#include "sys/file.h"

namespace tare {
namespace {

// As runc, and so Go, writes them: callers look for "no such file or directory" and the like.
std::string lower_errno_words(int number) {
  std::string words(errno_words(number));
  words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

std::string trail_of(const Error& error) {
  std::string trail;
  for (const auto& crumb : error.trail()) trail.append(trail.empty() ? "" : ": ").append(crumb);
  return trail;
}

// Error::what() in Go's spelling.
std::string words_of(const Error& error) {
  std::string words = trail_of(error);
  words.append(words.empty() ? "" : ": ").append(error.text());
  if (error.error_number() != 0) words.append(": ").append(lower_errno_words(error.error_number()));
  if (!error.hint().empty()) words.append(" (").append(error.hint()).append(")");
  for (char& c : words)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return words;
}

// The first absolute path that the sentence names.
std::string path_in(std::string_view sentence) {
  for (std::size_t at = 0; (at = sentence.find('/', at)) != sentence.npos; at++) {
    if (at > 0 && sentence[at - 1] != ' ' && sentence[at - 1] != '`' && sentence[at - 1] != '"') continue;
    std::string_view path = sentence.substr(at, sentence.find_first_of(" `\"", at) - at);
    while (path.ends_with(':') || path.ends_with(',')) path.remove_suffix(1);
    return std::string(path);
  }
  return {};
}

// "open config.json: cannot read /x" was to do all of that; a sentence that stands alone says it itself.
std::string operation_of(const Error& error) {
  constexpr std::string_view cannot = "cannot ";
  if (!error.trail().empty()) return trail_of(error);
  return error.text().starts_with(cannot) ? error.text().substr(cannot.size()) : std::string();
}

json::object details_of(const Error& error) {
  json::object details;
  const auto put = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) details[key] = json::replace_invalid_utf8(value);
  };
  put("operation", operation_of(error));
  put("path", path_in(trail_of(error) + " " + error.text()));
  if (error.error_number() != 0) details["errno"] = error.error_number();
  put("hint", error.hint());
  return details;
}

std::string json_line(std::string_view words, json::object details) {
  json::object line{
      {"level", "error"}, {"msg", json::replace_invalid_utf8(words)}, {"time", format_time(now())}};
  for (auto& field : details) line[field.key()] = std::move(field.value());
  return json::compact(line) + "\n";
}

}  // namespace

Log::Log(const cli::Parsed& globals) {
  constexpr std::string_view kind = "file:";  // crun's spelling
  const std::string format_name = globals.value("log-format").value_or("text");
  if (format_name != "text" && format_name != "json")
    throw Error(ErrorKind::usage, format("invalid log-format: {}", format_name), 0, "text or json");
  json_ = format_name == "json";
  std::string path = globals.value("log").value_or("");
  if (path.starts_with(kind)) path.erase(0, kind.size());
  if (!path.empty()) file_ = sys::open_at(sys::here, path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

void Log::tell(const std::exception& error) const {
  const auto* known = dynamic_cast<const Error*>(&error);
  const std::string words = known ? words_of(*known) : error.what();
  const std::string line = json_ ? json_line(words, known ? details_of(*known) : json::object())
                                 : format("time=\"{}\" level=error msg={}\n", format_time(now()),
                                          json::compact(json::value(words)));
  if (file_) (void)!::write(file_.number(), line.data(), line.size());
  const std::string text = json_ && !file_ ? line : format("tare-runtime: {}\n", words);
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace tare
