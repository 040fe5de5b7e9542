#include "engine/logs.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/log_options.h"
#include "engine/log_reader.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

using monitor::LogStream;

// What `--details` shows: docker's "name=value,name=value" of the labels and variables that the container
// has.
std::string details_of(const LogOptions& options, const json::object& config) {
  std::string details;
  const auto add = [&](std::string_view name, std::string_view value) {
    details.append(details.empty() ? "" : ",").append(name).append("=").append(value);
  };
  const json::object labels =
      config.contains("Labels") ? json::object_field(config, "Labels") : json::object();
  for (const auto& name : options.labels)
    if (labels.contains(name)) add(name, json::text_field(labels, name));
  for (const auto& variable : json::texts_field(config, "Env")) {
    const std::string name = variable.substr(0, variable.find('='));
    if (std::ranges::find(options.variables, name) != options.variables.end())
      add(name, std::string_view(variable).substr(std::min(name.size() + 1, variable.size())));
  }
  return details;
}

// The lines that were asked for, in the form that was asked for.
class Printer {
 public:
  Printer(const LogQuery& query, const ShowLog& show, std::string details)
      : show_(show), timestamps_(query.timestamps), details_(std::move(details)) {
    if (query.since) since_ = format_time(*query.since);
    if (query.until) until_ = format_time(*query.until);
  }

  /// False: all that follows is later than what was asked for.
  bool print(std::string_view line) {
    if (!decode(line, entry_)) return true;
    if (!until_.empty() && entry_.time > until_) return false;
    if (entry_.time < since_) return true;
    if (entry_.stream != stream_ || text_.size() >= batch) flush();
    stream_ = entry_.stream;
    bool& is_at_start = is_at_start_[static_cast<std::size_t>(stream_)];
    if (std::exchange(is_at_start, entry_.text.ends_with('\n'))) {
      if (timestamps_) text_.append(entry_.time).append(" ");
      if (!details_.empty()) text_.append(details_).append(" ");
    }
    text_ += entry_.text;
    return true;
  }

  void flush() {
    if (!text_.empty()) show_(stream_, text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t batch = 32 << 10;

  const ShowLog& show_;
  bool timestamps_;
  std::string details_;
  std::string since_, until_;  // texts of times sort as the times do; empty: any
  LogEntry entry_;
  std::string text_;
  LogStream stream_ = LogStream::output;
  bool is_at_start_[2] = {true, true};
};

// The container's monitor, which writes its log; invalid: it does not run.
sys::UniqueFd hold_monitor(const state::Place& place, const ContainerId& id) {
  const auto running = state::read_running(place, id);
  if (!running) return {};
  sys::UniqueFd monitor(static_cast<int>(::syscall(SYS_pidfd_open, running->monitor, 0)));
  // Its first process dies with it, so while that one lives this is no other process with the same number.
  return sys::try_hold(running->pid, running->start_ticks) ? std::move(monitor) : sys::UniqueFd();
}

// Waits for something new in the log or for the end of its writer.
class Watch {
 public:
  Watch(const HostPath& directory, sys::UniqueFd monitor)
      : monitor_(std::move(monitor)), changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (!changes_) throw system_error("cannot watch for changes", "see /proc/sys/fs/inotify");
    // A new file of the log is written to at once, so that its making need not be watched.
    if (::inotify_add_watch(changes_.number(), directory.c_str(), IN_MODIFY) < 0 && errno != ENOENT)
      throw system_error(format("cannot watch {}", directory.value), "see /proc/sys/fs/inotify");
  }

  /// False when nothing more can come.
  bool wait(int timeout_ms) {
    if (has_ended_) return false;
    pollfd polled[] = {{changes_.number(), POLLIN, 0}, {monitor_.number(), POLLIN, 0}};
    if (::poll(polled, 2, timeout_ms) < 0 && errno != EINTR) throw system_error("cannot poll");
    has_ended_ = polled[1].revents != 0;  // what it wrote before is still to be read
    char events[4096];
    while (::read(changes_.number(), events, sizeof events) > 0) {
    }
    return true;
  }

 private:
  sys::UniqueFd monitor_, changes_;
  bool has_ended_ = false;
};

int milliseconds_until(const std::optional<Time>& end) {
  if (!end) return -1;
  const auto left = seconds_between(now(), *end).count() + 1;
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 100'000) * 1000);
}

bool is_over(const std::optional<Time>& end) { return end && *end < now(); }

void follow(LogReader& reader, Printer& printer, Watch watch, const std::optional<Time>& until) {
  while (true) {
    const bool is_last_look = is_over(until);
    while (const auto line = reader.next())
      if (!printer.print(*line)) return printer.flush();
    printer.flush();
    if (is_last_look || !watch.wait(milliseconds_until(until))) return;
  }
}

}  // namespace

void show_log(const state::Place& place, const std::string& name_or_id, const LogQuery& query,
              const ShowLog& show) {
  const ContainerId id = find_container(place, name_or_id).record.id;
  const HostPath directory = place.directory_of(id);
  LogOptions options;
  std::string details;
  if (const auto text = sys::try_read_file(sys::here, (directory / "config.json").value)) {
    const json::value config = json::parse(*text);
    const json::object& host = json::object_field(json::as_object(config), "HostConfig");
    if (host.contains("LogConfig")) options = from_log_config(json::object_field(host, "LogConfig"));
    if (query.details) details = details_of(options, json::object_field(json::as_object(config), "Config"));
  }
  if (options.driver == LogDriver::none)
    throw Error(ErrorKind::unsupported, "configured logging driver does not support reading", 0,
                "it was made with --log-driver none");

  Printer printer(query, show, std::move(details));
  LogReader reader(directory);
  // Before the first look, so that nothing is missed.
  sys::UniqueFd writer = query.follow ? hold_monitor(place, id) : sys::UniqueFd();
  std::optional<Watch> watch;
  if (writer) watch.emplace(directory, std::move(writer));
  if (query.tail) reader.start_at_last(*query.tail);
  if (watch) return follow(reader, printer, std::move(*watch), query.until);
  reader.end_here();
  while (const auto line = reader.next())
    if (!printer.print(*line)) break;
  printer.flush();
}

}  // namespace tare::engine
