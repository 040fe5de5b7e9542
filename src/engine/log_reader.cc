#include "engine/log_reader.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

using monitor::LogStream;

constexpr std::size_t block = 64 << 10;

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<char> unescape(std::string_view& text) {
  const char kind = text.empty() ? '\0' : text.front();
  if (kind == '\0') return std::nullopt;
  text.remove_prefix(1);
  switch (kind) {
    case '"':
    case '\\':
    case '/': return kind;
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return std::nullopt;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  if (!text.starts_with("00") || text.size() < 4) return std::nullopt;  // nothing else is written so
  const auto high = digits.find(text[2]), low = digits.find(text[3]);
  if (high > 7 || low == digits.npos) return std::nullopt;
  text.remove_prefix(4);
  return static_cast<char>(high << 4 | low);
}

// A string after its opening quote, with the closing one.
bool take_string(std::string_view& text, std::string& out) {
  out.clear();
  while (true) {
    const auto plain = text.find_first_of("\"\\");
    if (plain == text.npos) return false;
    out.append(text.substr(0, plain));
    const bool is_end = text[plain] == '"';
    text.remove_prefix(plain + 1);
    if (is_end) return true;
    const auto c = unescape(text);
    if (!c) return false;
    out.push_back(*c);
  }
}

bool are_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct stat status_of(sys::Fd file) {
  struct stat status;
  if (::fstat(file.number(), &status) != 0) throw system_error("cannot look at a log");
  return status;
}

std::size_t read_at(sys::Fd file, char* into, std::size_t size, std::int64_t offset) {
  while (true) {
    const ssize_t n = ::pread(file.number(), into, size, offset);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw system_error("cannot read a log");
  }
}

// Whether what ends here, without its line feed, is the end of a line of the container's, or a piece of one.
bool ends_a_line(std::string_view object) {
  return object.rfind(R"(\n","stream":")") != object.npos || !object.ends_with("\"}");
}

// Walks a file backwards by its lines.
class Backwards {
 public:
  struct Line {
    std::int64_t offset;
    std::string_view text;  // without its line feed
    bool is_whole;          // it had one
  };

  explicit Backwards(sys::Fd file) : file_(file), begin_(status_of(file).st_size) {}

  std::optional<Line> previous() {
    if (end_ == 0 && prepend() == 0) return std::nullopt;
    const bool is_whole = buffer_[end_ - 1] == '\n';
    while (true) {
      const auto before = end_ > 1 ? std::string_view(buffer_).rfind('\n', end_ - 2) : buffer_.npos;
      if (before == buffer_.npos && prepend() > 0) continue;
      const std::size_t begin = before == buffer_.npos ? 0 : before + 1;
      const auto text = std::string_view(buffer_).substr(begin, end_ - begin - (is_whole ? 1 : 0));
      end_ = begin;
      return Line{begin_ + static_cast<std::int64_t>(begin), text, is_whole};
    }
  }

 private:
  // Forgets what has been walked over, and reads a block before the rest.
  std::size_t prepend() {
    buffer_.resize(end_);
    const auto size = static_cast<std::size_t>(std::min<std::int64_t>(begin_, block));
    std::string fresh(size, '\n');  // what it stays where the file became shorter
    read_at(file_, fresh.data(), size, begin_ - static_cast<std::int64_t>(size));
    buffer_.insert(0, fresh);
    begin_ -= static_cast<std::int64_t>(size);
    end_ += size;
    return size;
  }

  sys::Fd file_;
  std::int64_t begin_;  // of the buffer, in the file
  std::string buffer_;
  std::size_t end_ = 0;  // of what in the buffer has not been walked over
};

}  // namespace

bool decode(std::string_view line, LogEntry& entry) {
  if (!take(line, R"({"log":")") || !take_string(line, entry.text)) return false;
  std::string& word = entry.time;  // for now
  if (!take(line, R"(,"stream":")") || !take_string(line, word)) return false;
  if (word != "stdout" && word != "stderr") return false;
  entry.stream = word == "stdout" ? LogStream::output : LogStream::error;
  return take(line, R"(,"time":")") && take_string(line, entry.time) && line == "}";
}

void LogReader::open(sys::UniqueFd file, std::int64_t offset) {
  file_ = std::move(file);
  offset_ = offset;
  buffer_.clear();
  begin_ = 0;
}

// Renaming leaves a gap of one number for a moment.
bool LogReader::has_older(int age) const {
  return sys::exists(sys::here, path_of(age + 1)) || sys::exists(sys::here, path_of(age + 2));
}

void LogReader::open_oldest() {
  while (true) {
    int age = 0;
    while (has_older(age)) age++;
    open(sys::try_open_at(sys::here, path_of(age), O_RDONLY));
    // Renamed between the look and the opening, what was opened is not the oldest.
    if ((file_ || age == 0) && !has_older(age)) return;
  }
}

void LogReader::start_at_last(std::uint64_t count) {
  std::uint64_t found = 0;
  bool is_last = true;  // which ends a line whether it has a line feed or not
  sys::UniqueFd newer;
  for (int age = 0;;) {
    sys::UniqueFd file = sys::try_open_at(sys::here, path_of(age), O_RDONLY);
    if (!file && has_older(age)) continue;  // being renamed
    if (!file) return open_oldest();
    const bool was_renamed = newer && are_same(status_of(file), status_of(newer));
    age++;
    if (was_renamed) continue;
    Backwards lines(file);
    std::int64_t after = status_of(file).st_size;
    while (const auto line = lines.previous()) {
      if (line->is_whole && (std::exchange(is_last, false) || ends_a_line(line->text))) found++;
      if (found > count) return open(std::move(file), after);
      after = line->offset;
    }
    newer = std::move(file);
  }
}

void LogReader::end_here() {
  last_ = sys::try_open_at(sys::here, path_of(0), O_RDONLY);
  if (last_) end_ = status_of(last_).st_size;
}

bool LogReader::is_newest() const {
  const auto newest = sys::try_status(sys::here, path_of(0));
  return newest && are_same(*newest, status_of(file_));
}

// Reads on; false at the end of the file as it is now.
bool LogReader::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const std::size_t held = buffer_.size();
  buffer_.resize(held + block);
  const std::size_t size =
      read_at(file_, buffer_.data() + held, block, offset_ + static_cast<std::int64_t>(held));
  buffer_.resize(held + size);
  return size > 0;
}

// Under which number our file is now; nullopt: under none.
std::optional<int> LogReader::find_age() const {
  const struct stat ours = status_of(file_);
  for (int age = 0; age == 0 || has_older(age - 1); age++) {
    const auto status = sys::try_status(sys::here, path_of(age));
    if (status && are_same(*status, ours)) return age;
  }
  return std::nullopt;
}

// To the file that was begun when ours was full. Renaming begins with the oldest, so if ours has its number
// still when the next one is open, that one had its number, too.
bool LogReader::move_on() {
  while (const auto age = find_age()) {
    if (*age == 0) return false;
    sys::UniqueFd next = sys::try_open_at(sys::here, path_of(*age - 1), O_RDONLY);
    if (find_age() != age) continue;
    if (!next) return false;  // not yet made
    open(std::move(next));
    return true;
  }
  // Ours is deleted: whatever there is was begun later.
  LogReader other(directory_);
  other.open_oldest();
  if (!other.file_) return false;
  open(std::move(other.file_));
  return true;
}

std::optional<std::string_view> LogReader::next() {
  if (!file_) open_oldest();
  if (!file_) return std::nullopt;
  while (true) {
    if (last_ && offset_ >= end_ && are_same(status_of(last_), status_of(file_))) return std::nullopt;
    const auto end = buffer_.find('\n', begin_);
    if (end != buffer_.npos) {
      const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
      offset_ += static_cast<std::int64_t>(line.size() + 1);
      begin_ = end + 1;
      return line;
    }
    // A file that is not the newest is complete, but was perhaps not when we last read.
    const bool may_grow = is_newest();
    if (fill()) continue;
    if (may_grow || !move_on()) {
      buffer_.clear();  // the writer takes back what it could not write whole
      begin_ = 0;
      return std::nullopt;
    }
  }
}

}  // namespace tare::engine
