// tare stats: what containers use, once or again and again.
#include "engine/stats.h"

#include <ctime>
#include <map>
#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "cli/row_format.h"
#include "commands/commands.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option stats_options[] = {
    {"all", 'a', Takes::nothing, "", "show those that do not run, too"},
    {"format", 0, Takes::value, "FORMAT", "\"table TEMPLATE\", \"json\" or a Go template"},
    {"no-stream", 0, Takes::nothing, "", "show it once"},
    {"no-trunc", 0, Takes::nothing, "", "print ids whole"},
};

constexpr cli::Column columns[] = {{"ID", "CONTAINER ID"},
                                   {"Container", "CONTAINER"},
                                   {"Name", "NAME"},
                                   {"CPUPerc", "CPU %"},
                                   {"MemUsage", "MEM USAGE / LIMIT"},
                                   {"MemPerc", "MEM %"},
                                   {"NetIO", "NET I/O"},
                                   {"BlockIO", "BLOCK I/O"},
                                   {"PIDs", "PIDS"},
                                   {"ThrottledPeriods", "THROTTLED"},
                                   {"ThrottledTime", "THROTTLED TIME"},
                                   {"CPUPressure", "CPU PRESSURE"},
                                   {"MemPressure", "MEM PRESSURE"},
                                   {"IOPressure", "I/O PRESSURE"}};

constexpr auto default_format =
    "table "
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

constexpr auto unknown = "--";
constexpr long pause_ms = 1000, first_pause_ms = 500;  // CPU use needs two looks

std::string percent(std::optional<double> value) { return value ? format("{:.2f}%", *value) : unknown; }

std::string number(std::optional<std::uint64_t> value) { return value ? std::to_string(*value) : unknown; }

std::string pressure(const std::optional<std::string>& value) { return value ? *value + "%" : unknown; }

std::string input_output(std::optional<Bytes> in, std::optional<Bytes> out) {
  const auto words = [](std::optional<Bytes> size) { return size ? format_size_decimal(*size) : unknown; };
  return words(in) + " / " + words(out);
}

json::object row_of(const engine::Container& container, const engine::Reading& before,
                    const engine::Reading& after, bool whole) {
  const cgroup::Sample& sample = after.sample;
  static const Bytes machine = engine::host_memory();
  const Bytes limit = std::min(sample.memory_limit.value_or(machine), machine);
  std::optional<double> memory_percent;
  if (sample.memory && limit > 0)
    memory_percent = static_cast<double>(*sample.memory) / static_cast<double>(limit) * 100;
  const std::string id = whole ? container.record.id.value : container.record.id.brief();
  return {{"BlockIO", input_output(sample.block_read, sample.block_written)},
          {"CPUPerc", percent(engine::cpu_percent(before, after))},
          {"CPUPressure", pressure(sample.cpu_pressure)},
          {"Container", id},
          {"ID", id},
          {"IOPressure", pressure(sample.io_pressure)},
          {"MemPerc", percent(memory_percent)},
          {"MemPressure", pressure(sample.memory_pressure)},
          {"MemUsage",
           format("{} / {}", sample.memory ? format_size(*sample.memory) : unknown, format_size(limit))},
          {"Name", container.record.name},
          {"NetIO", input_output(after.received, after.sent)},
          {"PIDs", number(sample.processes)},
          {"ThrottledPeriods", number(sample.throttled_periods)},
          {"ThrottledTime", sample.throttled_nanoseconds
                                ? format("{:.3f}s", static_cast<double>(*sample.throttled_nanoseconds) / 1e9)
                                : unknown}};
}

// The ones that were named, as long as they are there; or all there are.
std::vector<engine::Container> find_all(const Context& context, const cli::Parsed& parsed) {
  std::vector<engine::Container> found;
  for (const auto& name : parsed.operands) {
    try {
      found.push_back(engine::find_container(context.place, name));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
  }
  if (!parsed.operands.empty()) return found;
  engine::Listing listing = engine::list_containers(context.place);
  for (auto& container : listing.containers)
    if (container.running || parsed.has("all")) found.push_back(std::move(container));
  return found;
}

// In place of what was shown before, line by line, so that nothing flickers.
std::string overwriting(std::string_view text) {
  std::string all = "\x1b[H";
  for (const char c : text) all.append(c == '\n' ? "\x1b[K" : "").push_back(c);
  return all + "\x1b[J";
}

void sleep_ms(long milliseconds) {
  const timespec pause{.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace

constinit const cli::Command stats_command = {
    .name = "stats",
    .operands = "[CONTAINER...]",
    .summary = "Show what containers use, again each second",
    .details =
        "CPU in percent of one CPU, memory without file cache that can be dropped, network of the "
        "container's own, disk, and processes with their threads. Without names: all that run.\n"
        "\n"
        "Fields for --format: .ID .Container .Name .CPUPerc .MemUsage .MemPerc .NetIO .BlockIO .PIDs, and "
        ".ThrottledPeriods .ThrottledTime .CPUPressure .MemPressure .IOPressure",
    .options = stats_options,
    .minimum_operands = 0,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int stats(const Context& context, const cli::Parsed& parsed) {
  const std::string shape = parsed.value("format").value_or("");
  (void)cli::RowFormat(shape, default_format, columns);  // before the first wait
  for (const auto& name : parsed.operands) (void)engine::find_container(context.place, name);
  const cgroup::Layout layout = cgroup::read_layout();
  const bool on_terminal = sys::is_terminal(sys::Fd(STDOUT_FILENO)) && !parsed.has("no-stream");
  std::map<std::string, engine::Reading> before;
  for (const auto& container : find_all(context, parsed))
    before.insert_or_assign(container.record.id.value, engine::read_stats(layout, container));
  if (on_terminal) print("\x1b[2J");
  for (long wait = before.empty() ? 0 : first_pause_ms;; wait = pause_ms) {
    sleep_ms(wait);
    cli::RowFormat rows(shape, default_format, columns);
    const auto containers = find_all(context, parsed);
    for (const auto& container : containers) {
      const engine::Reading reading = engine::read_stats(layout, container);
      const auto known = before.try_emplace(container.record.id.value, reading).first;
      rows.add(row_of(container, known->second, reading, parsed.has("no-trunc")));
      known->second = reading;
    }
    print(on_terminal ? overwriting(rows.text()) : rows.text());
    if (parsed.has("no-stream") || (containers.empty() && !parsed.operands.empty())) return 0;
  }
}

}  // namespace tare::commands
