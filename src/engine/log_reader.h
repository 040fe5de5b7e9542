// Reads the files that monitor/log_writer.h writes, in order, while they are written and renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/types.h"
#include "monitor/log_writer.h"
#include "sys/unique_fd.h"

namespace tare::engine {

/// One object of a log.
struct LogEntry {
  std::string text;  ///< a line with its line feed, or a piece of one without
  monitor::LogStream stream{};
  std::string time;  ///< RFC 3339 with nine decimals, UTC: sorts as the time does
};

/// What a line of a log's file says. False, `entry` left in any state: it is no object, as a power cut leaves
/// it.
bool decode(std::string_view line, LogEntry& entry);

class LogReader {
 public:
  explicit LogReader(HostPath directory) : directory_(std::move(directory)) {}

  /// To begin with the last `count` lines, and not with the oldest there is: only those are read. A line of
  /// many pieces is one. Before next().
  void start_at_last(std::uint64_t count);

  /// To go no further than what is there now, however fast more comes.
  void end_here();

  /// The next line of a file, without its line feed; good until the next call. nullopt: there is none yet.
  /// None is left out and none comes twice, however often the files are renamed meanwhile, unless the writer
  /// deletes faster than this reads.
  std::optional<std::string_view> next();

 private:
  bool fill();
  bool move_on();
  bool is_newest() const;
  bool has_older(int age) const;
  std::optional<int> find_age() const;
  void open(sys::UniqueFd file, std::int64_t offset = 0);
  void open_oldest();
  std::string path_of(int age) const { return (directory_ / monitor::log_file_name(age)).value; }

  HostPath directory_;
  sys::UniqueFd file_;  ///< held, so that its inode number stays its own
  std::int64_t offset_ = 0;
  sys::UniqueFd last_;  ///< the file that nothing is read of from `end_` on; invalid: there is no end
  std::int64_t end_ = 0;
  std::string buffer_;     ///< read, but not yet passed on from `begin_`
  std::size_t begin_ = 0;  ///< in buffer_
};

}  // namespace tare::engine
