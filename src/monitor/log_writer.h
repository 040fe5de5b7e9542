// A container's log: what it writes to its standard streams, line by line, in docker's json-file format.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

enum class LogStream : std::uint8_t { output, error };

/// How much of a log is kept: the newest file and those it became before, together.
struct LogLimits {
  Bytes max_size = 10'000'000;  ///< of one file; -1: no limit
  int max_files = 5;
  bool operator==(const LogLimits&) const = default;
};

/// "log.json" for 0, the one that grows; "log.json.1" for the one that was it before.
std::string log_file_name(int age);

/// Writes `{"log":"text\n","stream":"stdout","time":"2026-…Z"}`, one object a line, into files in the
/// container's directory. The text's bytes are the container's, whether they are UTF-8 or not. A line longer
/// than 16 KiB becomes several objects, of which only the last one's text ends with a line feed. Nothing here
/// throws: what cannot be written, as on a full disk, is dropped, and once it can be again the log says how
/// much that was. What was in the files before is kept.
///
/// The files grow by whole objects only, but for a power cut. When the newest would pass the limit, all are
/// renamed, the oldest first, and a new one is begun: see logs.h for what a reader can make of that.
class LogWriter {
 public:
  /// Makes no file before there is something to write. `directory` is absolute.
  LogWriter(const HostPath& directory, LogLimits limits) : directory_(directory), limits_(limits) {}

  /// What came from a stream at the time `now`. A line is written when it is complete.
  void write(LogStream stream, std::string_view bytes, Time now);
  /// The streams ended: lines that are not complete are written as they are.
  void finish(Time now);

 private:
  void add(LogStream stream, std::string_view begin, std::string_view end);
  void flush(std::size_t count);
  void open();
  void rotate();
  bool tell_of_lost();
  bool try_write(std::string_view text);
  std::string path_of(int age) const { return (directory_ / log_file_name(age)).value; }

  HostPath directory_;
  LogLimits limits_;
  sys::UniqueFd file_;
  Bytes written_ = 0;                      ///< the size of the file
  std::string buffer_;                     ///< objects not yet written
  std::array<std::string, 2> incomplete_;  ///< of each stream, the beginning of a line
  std::string time_;
  std::uint64_t lost_ = 0;  ///< objects that could not be written
  int reason_ = 0;          ///< the errno of the last one
};

}  // namespace tare::monitor
