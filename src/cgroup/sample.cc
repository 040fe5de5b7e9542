#include "cgroup/sample.h"

#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

// The container's cgroup in the hierarchy of a controller.
struct Place {
  sys::UniqueFd directory;
  bool unified = false;

  std::string text(const char* v1_file, const char* v2_file) const {
    const char* file = unified ? v2_file : v1_file;
    if (!directory || !file) return {};
    return sys::try_read_file(directory, file).value_or(std::string());
  }
};

Place find_place(const Layout& layout, std::string_view controller, const std::string& path) {
  const Hierarchy* hierarchy = layout.find(controller);
  // CPU time and pressure are counted in every cgroup of v2, whether it has the controller or not.
  if (!hierarchy && layout.mode() == Mode::v2) hierarchy = layout.unified();
  if (!hierarchy) return {};
  return {sys::try_open_at(sys::here, hierarchy->mount.value + path, O_RDONLY | O_DIRECTORY),
          hierarchy->unified};
}

std::optional<Bytes> to_bytes(std::optional<std::uint64_t> number) {
  // v1 says the largest number of pages for "no limit".
  constexpr std::uint64_t no_limit = INT64_MAX / 65536 * 65536;
  if (!number || *number >= no_limit) return std::nullopt;
  return static_cast<Bytes>(*number);
}

std::optional<std::uint64_t> times(std::optional<std::uint64_t> number, std::uint64_t factor) {
  return number ? std::optional(*number * factor) : std::nullopt;
}

void read_cpu(const Layout& layout, const std::string& path, Sample& sample) {
  const Place accounting = find_place(layout, "cpuacct", path), cpu = find_place(layout, "cpu", path);
  const std::string stat = cpu.text("cpu.stat", "cpu.stat");
  sample.throttled_periods = number_of(stat, "nr_throttled");
  if (cpu.unified) {
    sample.cpu_nanoseconds = times(number_of(stat, "usage_usec"), 1000);
    sample.throttled_nanoseconds = times(number_of(stat, "throttled_usec"), 1000);
  } else {
    sample.cpu_nanoseconds = to_number(trimmed(accounting.text("cpuacct.usage", nullptr)));
    sample.throttled_nanoseconds = number_of(stat, "throttled_time");
  }
}

// docker's rule: what the kernel can drop at any time is not used.
void read_memory(const Layout& layout, const std::string& path, Sample& sample) {
  const Place memory = find_place(layout, "memory", path);
  sample.memory_limit = to_bytes(to_number(trimmed(memory.text("memory.limit_in_bytes", "memory.max"))));
  sample.memory = to_bytes(to_number(trimmed(memory.text("memory.usage_in_bytes", "memory.current"))));
  const auto idle = number_of(memory.text("memory.stat", "memory.stat"),
                              memory.unified ? "inactive_file" : "total_inactive_file");
  if (sample.memory && idle && static_cast<Bytes>(*idle) < *sample.memory)
    *sample.memory -= static_cast<Bytes>(*idle);
}

// v1: "8:0 Read 4096" lines; v2: "8:0 rbytes=4096 wbytes=0 …".
void read_block_io(const Layout& layout, const std::string& path, Sample& sample) {
  const Place block = find_place(layout, layout.find("blkio") ? "blkio" : "io", path);
  if (!block.directory) return;
  const std::string text = block.text("blkio.throttle.io_service_bytes_recursive", "io.stat");
  Bytes read = 0, written = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = next_word(rest, '\n');
    next_word(line, ' ');
    while (!line.empty()) {
      std::string_view word = next_word(line, ' ');
      const std::string_view key = next_word(word, '=');
      const auto number = to_number(block.unified ? word : trimmed(line)).value_or(0);
      if (key == "rbytes" || key == "Read") read += static_cast<Bytes>(number);
      if (key == "wbytes" || key == "Write") written += static_cast<Bytes>(number);
    }
  }
  sample.block_read = read;
  sample.block_written = written;
}

// "some avg10=1.23 avg60=…"
std::optional<std::string> pressure(sys::Fd directory, const char* file) {
  const auto text = sys::try_read_file(directory, file);
  if (!text) return std::nullopt;
  std::string_view line = *text;
  next_word(line, '=');
  return std::string(next_word(line, ' '));
}

void read_pressure(const Layout& layout, const std::string& path, Sample& sample) {
  const Hierarchy* unified = layout.unified();
  if (!unified) return;
  const auto directory = sys::try_open_at(sys::here, unified->mount.value + path, O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  sample.cpu_pressure = pressure(directory, "cpu.pressure");
  sample.memory_pressure = pressure(directory, "memory.pressure");
  sample.io_pressure = pressure(directory, "io.pressure");
}

}  // namespace

Sample read_sample(const Layout& layout, const std::string& path) {
  Sample sample;
  read_cpu(layout, path, sample);
  read_memory(layout, path, sample);
  read_block_io(layout, path, sample);
  sample.processes =
      to_number(trimmed(find_place(layout, "pids", path).text("pids.current", "pids.current")));
  read_pressure(layout, path, sample);
  return sample;
}

}  // namespace tare::cgroup
