#include "engine/stats.h"

#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

using cgroup::next_word, cgroup::to_number;

std::optional<std::string> network_of(const std::string& process) {
  return sys::try_read_link(sys::here, "/proc/" + process + "/ns/net");
}

std::string_view next_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return next_word(line, ' ');
}

// proc_pid_net(5): after two lines of titles "name: bytes packets …", of which the ninth number is bytes
// sent.
void read_network(pid_t pid, Reading& reading) {
  const std::string process = std::to_string(pid);
  const auto network = network_of(process);
  if (!network || network == network_of("self")) return;
  const auto text = sys::try_read_file(sys::here, "/proc/" + process + "/net/dev");
  if (!text) return;
  std::string_view rest = *text;
  next_word(rest, '\n'), next_word(rest, '\n');
  while (!rest.empty()) {
    std::string_view line = next_word(rest, '\n');
    std::string_view name = next_word(line, ':');
    if (next_field(name) == "lo") continue;
    for (int field = 1; field <= 9; field++) {
      const auto number = static_cast<Bytes>(to_number(next_field(line)).value_or(0));
      if (field == 1) reading.received += number;
      if (field == 9) reading.sent += number;
    }
  }
}

}  // namespace

Reading read_stats(const cgroup::Layout& layout, const Container& container) {
  Reading reading{.when = std::chrono::steady_clock::now(), .sample = {}};
  if (!container.running) return reading;
  if (!container.record.cgroup.empty()) reading.sample = cgroup::read_sample(layout, container.record.cgroup);
  read_network(container.running->pid, reading);
  return reading;
}

std::optional<double> cpu_percent(const Reading& before, const Reading& after) {
  if (!before.sample.cpu_nanoseconds || !after.sample.cpu_nanoseconds) return std::nullopt;
  const std::chrono::nanoseconds passed = after.when - before.when;
  // One that was started again counts from zero.
  if (passed.count() <= 0 || *after.sample.cpu_nanoseconds < *before.sample.cpu_nanoseconds) return 0.0;
  const auto used = static_cast<double>(*after.sample.cpu_nanoseconds - *before.sample.cpu_nanoseconds);
  return used / static_cast<double>(passed.count()) * 100;
}

Bytes host_memory() {
  const std::string text = sys::try_read_file(sys::here, "/proc/meminfo").value_or(std::string());
  std::string_view line = text;
  line = next_word(line, '\n');
  next_word(line, ':');
  return static_cast<Bytes>(to_number(next_field(line)).value_or(0)) * 1024;
}

}  // namespace tare::engine
