#include "engine/process_status.h"

#include <algorithm>
#include <ctime>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

using cgroup::next_word, cgroup::to_number;

std::string read_proc(const std::string& file) {
  return sys::try_read_file(sys::here, "/proc/" + file).value_or(std::string());
}

double ticks_per_second() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

double seconds_since_boot() {
  timespec time;
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// The second number of the line "Uid: real effective …".
uid_t effective_user(std::string_view status) {
  const auto line = status.find("\nUid:\t");
  if (line == status.npos) return 0;
  status.remove_prefix(line + 6);
  next_word(status, '\t');
  return static_cast<uid_t>(to_number(next_word(status, '\t')).value_or(0));
}

std::string command_of(const std::string& process, std::string_view name, char state) {
  std::string words = read_proc(process + "/cmdline");
  while (words.ends_with('\0')) words.pop_back();
  std::ranges::replace(words, '\0', ' ');
  if (!words.empty()) return words;
  return format("[{}]{}", name, state == 'Z' ? " <defunct>" : "");
}

}  // namespace

// proc_pid_stat(5); the name, in parentheses, may itself hold blanks and parentheses.
std::optional<ProcessStatus> read_process_status(pid_t pid) {
  const std::string process = std::to_string(pid);
  const std::string stat = read_proc(process + "/stat"), status = read_proc(process + "/status");
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size())
    return std::nullopt;
  const std::string name = stat.substr(open + 1, close - open - 1);
  std::string_view rest = std::string_view(stat).substr(close + 2);
  const char state = rest.front();
  std::uint64_t fields[23] = {};
  for (std::size_t field = 3; field < std::size(fields); field++)
    fields[field] = to_number(next_word(rest, ' ')).value_or(0);
  return ProcessStatus{.parent = static_cast<pid_t>(fields[4]),
                       .user = effective_user(status),
                       .terminal = fields[7],
                       .cpu_seconds = static_cast<double>(fields[14] + fields[15]) / ticks_per_second(),
                       .start = static_cast<double>(fields[22]) / ticks_per_second(),
                       .command = command_of(process, name, state)};
}

int cpu_share(const ProcessStatus& status) {
  const double life = seconds_since_boot() - status.start;
  return life <= 0 ? 0 : static_cast<int>(std::min(status.cpu_seconds / life * 100, 99.0));
}

std::string start_words(const ProcessStatus& status, Time now) {
  const auto age = static_cast<std::int64_t>(seconds_since_boot() - status.start);
  const std::time_t start = now.seconds - age, present = now.seconds;
  std::tm then{}, today{};
  ::localtime_r(&start, &then);
  ::localtime_r(&present, &today);
  char words[32];
  const auto written = then.tm_year != today.tm_year   ? std::strftime(words, sizeof words, "%Y", &then)
                       : then.tm_yday != today.tm_yday ? std::strftime(words, sizeof words, "%b%d", &then)
                                                       : std::strftime(words, sizeof words, "%H:%M", &then);
  return {words, written};
}

// Documentation/admin-guide/devices.txt of the kernel.
std::string terminal_name(std::uint64_t device) {
  const unsigned major_number = major(device), minor_number = minor(device);
  if (major_number >= 136 && major_number <= 143)
    return format("pts/{}", (major_number - 136) * 256 + minor_number);
  if (major_number == 4)
    return minor_number < 64 ? format("tty{}", minor_number) : format("ttyS{}", minor_number - 64);
  if (major_number == 5 && minor_number == 1) return "console";
  return "?";
}

std::string cpu_time_words(const ProcessStatus& status) {
  const auto seconds = static_cast<std::int64_t>(status.cpu_seconds);
  const std::int64_t days = seconds / 86'400;
  return format("{}{:02}:{:02}:{:02}", days > 0 ? format("{}-", days) : std::string(), seconds / 3600 % 24,
                seconds / 60 % 60, seconds % 60);
}

}  // namespace tare::engine
