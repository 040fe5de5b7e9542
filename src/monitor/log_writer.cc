#include "monitor/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"

namespace tare::monitor {
namespace {

constexpr std::size_t largest_piece = 16 << 10;  // of one line, as docker cuts them
constexpr std::size_t batch = 16 << 10;          // is written at once

constexpr std::string_view hexadecimal = "0123456789abcdef";

// RFC 8259: these must not be in a string as they are. All other bytes may: what is not UTF-8 stays as it is.
constexpr bool needs_escape(char c) { return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\'; }

void append_escape(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: out += "\\u00";
  }
  out += hexadecimal[byte >> 4];
  out += hexadecimal[byte & 15];
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::ranges::find_if(text, needs_escape) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    append_escape(out, text.front());
    text.remove_prefix(1);
  }
}

// In two parts, because a line's beginning may have come earlier than its end.
void append_object(std::string& out, LogStream stream, std::string_view begin, std::string_view end,
                   std::string_view time) {
  out += R"({"log":")";
  append_escaped(out, begin);
  append_escaped(out, end);
  out += stream == LogStream::output ? R"(","stream":"stdout","time":")" : R"(","stream":"stderr","time":")";
  out += time;
  out += "\"}\n";
}

bool ends_with_line_feed(sys::Fd file, Bytes size) {
  char last = '\0';
  return size == 0 || (::pread(file.number(), &last, 1, size - 1) == 1 && last == '\n');
}

}  // namespace

std::string log_file_name(int age) { return age == 0 ? "log.json" : format("log.json.{}", age); }

void LogWriter::write(LogStream stream, std::string_view bytes, Time now) {
  std::string& held = incomplete_[static_cast<std::size_t>(stream)];
  time_.clear();
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, largest_piece - held.size());
    const auto line_feed = piece.find('\n');
    const std::string_view taken = piece.substr(0, line_feed == piece.npos ? piece.npos : line_feed + 1);
    if (line_feed == piece.npos && held.size() + taken.size() < largest_piece) {
      held.append(taken);
      break;
    }
    if (time_.empty()) time_ = format_time(now);
    add(stream, held, taken);
    held.clear();
    bytes.remove_prefix(taken.size());
  }
  flush(buffer_.size());
}

void LogWriter::finish(Time now) {
  time_ = format_time(now);
  for (const LogStream stream : {LogStream::output, LogStream::error}) {
    std::string& held = incomplete_[static_cast<std::size_t>(stream)];
    if (!held.empty()) add(stream, held, {});
    held.clear();
  }
  flush(buffer_.size());
}

void LogWriter::add(LogStream stream, std::string_view begin, std::string_view end) {
  if (!file_) open();
  const std::size_t before = buffer_.size();
  append_object(buffer_, stream, begin, end, time_);
  const Bytes size = written_ + static_cast<Bytes>(buffer_.size());
  const bool is_first = written_ == 0 && before == 0;  // one alone may be larger than the limit
  if (file_ && limits_.max_size > 0 && size > limits_.max_size && !is_first) {
    flush(before);
    if (file_) rotate();
  }
  if (buffer_.size() >= batch) flush(buffer_.size());
}

void LogWriter::flush(std::size_t count) {
  if (count == 0) return;
  const std::string_view objects = std::string_view(buffer_).substr(0, count);
  if (!file_ || !tell_of_lost() || !try_write(objects)) {
    lost_ += static_cast<std::uint64_t>(std::ranges::count(objects, '\n'));
    file_.reset();  // to be looked at anew
  }
  buffer_.erase(0, count);
  // A line of nothing but zeros is six times as long here; that must not stay for the container's life.
  if (buffer_.empty() && buffer_.capacity() > 2 * batch) std::string().swap(buffer_);
}

void LogWriter::open() {
  file_ = sys::try_open_at(sys::here, path_of(0), O_RDWR | O_CREAT | O_APPEND, 0600);
  struct stat status;
  if (!file_ || ::fstat(file_.number(), &status) != 0) {
    reason_ = errno;
    file_.reset();
    return;
  }
  written_ = status.st_size;
  // After a power cut the last object may be half there: it must not take the next one with it.
  if (!ends_with_line_feed(file_, written_) && !try_write("\n")) file_.reset();
}

// The oldest first: a reader that finds its file under a number knows that the one before it is the next.
// Those that hold the last one that goes can still read it to its end.
void LogWriter::rotate() {
  file_.reset();
  for (int age = limits_.max_files - 1; age > 0; age--)
    if (::rename(path_of(age - 1).c_str(), path_of(age).c_str()) != 0 && errno != ENOENT) {
      reason_ = errno;
      return;
    }
  if (limits_.max_files <= 1) ::unlink(path_of(0).c_str());
  open();
}

bool LogWriter::tell_of_lost() {
  if (lost_ == 0) return true;
  std::string note;
  append_object(note, LogStream::error,
                format("tare: {} {} of this log could not be written: {}\n", lost_,
                       lost_ == 1 ? "line" : "lines", errno_words(reason_)),
                {}, time_);
  if (!try_write(note)) return false;
  lost_ = 0;
  return true;
}

// All of it or nothing.
bool LogWriter::try_write(std::string_view text) {
  const std::size_t whole = text.size();
  while (!text.empty()) {
    const ssize_t n = ::write(file_.number(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      reason_ = n < 0 ? errno : ENOSPC;
      (void)!::ftruncate(file_.number(), written_);
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  written_ += static_cast<Bytes>(whole);
  return true;
}

}  // namespace tare::monitor
