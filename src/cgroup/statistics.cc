#include "cgroup/statistics.h"

#include <charconv>
#include <unistd.h>

#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

constexpr std::uint64_t no_limit = UINT64_MAX;

// The cgroup's directory in the hierarchy of a controller; what cannot be read is empty.
struct Files {
  sys::UniqueFd directory;
  bool unified = false;

  std::string text(const std::string& name) const {
    return directory ? sys::try_read_file(directory, name).value_or("") : std::string();
  }
  std::uint64_t number(const std::string& name) const {
    const std::string content = text(name);
    return trimmed(content) == "max" ? no_limit : to_number(trimmed(content)).value_or(0);
  }
};

Files open_files(const Hierarchy* hierarchy, const std::string& path) {
  if (!hierarchy) return {};
  return {sys::try_open_at(sys::here, hierarchy->mount.value + path, O_RDONLY | O_DIRECTORY),
          hierarchy->unified};
}

Files find_files(const Layout& layout, std::string_view controller, const std::string& path) {
  const Hierarchy* hierarchy = layout.find(controller);
  // CPU time is counted in every cgroup of v2, whether it has the controller or not.
  if (!hierarchy && layout.mode() == Mode::v2) hierarchy = layout.unified();
  return open_files(hierarchy, path);
}

// As Go's omitempty: 0 is not said.
void add(json::object& object, std::string_view name, std::uint64_t number) {
  if (number != 0) object[name] = number;
}

void add(json::object& object, std::string_view name, json::array list) {
  if (!list.empty()) object[name] = std::move(list);
}

json::object all_numbers_of(std::string_view text) {
  json::object numbers;
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    const std::string_view key = next_word(line, ' ');
    if (const auto number = to_number(trimmed(line))) numbers[key] = *number;
  }
  return numbers;
}

json::array words_as_numbers(std::string_view text) {
  json::array numbers;
  for (text = trimmed(text); !text.empty();)
    if (const auto number = to_number(next_word(text, ' '))) numbers.emplace_back(*number);
  return numbers;
}

void add_pressure(json::object& object, const Layout& layout, const std::string& path, const char* file) {
  json::object pressure = pressure_of(open_files(layout.unified(), path).text(file));
  if (!pressure.empty()) object["psi"] = std::move(pressure);
}

// cpuacct.usage_all: "cpu user system", a line for each.
json::array column_of_usage(std::string_view text, int column) {
  json::array numbers;
  next_word(text, '\n');
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    for (int i = 0; i < column; i++) next_word(line, ' ');
    numbers.emplace_back(to_number(next_word(line, ' ')).value_or(0));
  }
  return numbers;
}

json::object cpu_usage_v1(const Files& accounting) {
  const auto tick = static_cast<std::uint64_t>(1'000'000'000 / ::sysconf(_SC_CLK_TCK));
  const std::string stat = accounting.text("cpuacct.stat"), each = accounting.text("cpuacct.usage_all");
  json::object usage;
  add(usage, "total", accounting.number("cpuacct.usage"));
  add(usage, "percpu", words_as_numbers(accounting.text("cpuacct.usage_percpu")));
  add(usage, "percpu_kernel", column_of_usage(each, 2));
  add(usage, "percpu_user", column_of_usage(each, 1));
  usage["kernel"] = number_of(stat, "system").value_or(0) * tick;
  usage["user"] = number_of(stat, "user").value_or(0) * tick;
  return usage;
}

json::object cpu_usage_v2(std::string_view stat) {
  json::object usage;
  add(usage, "total", number_of(stat, "usage_usec").value_or(0) * 1000);
  usage["kernel"] = number_of(stat, "system_usec").value_or(0) * 1000;
  usage["user"] = number_of(stat, "user_usec").value_or(0) * 1000;
  return usage;
}

json::object cpu_statistics(const Layout& layout, const std::string& path) {
  const Files files = find_files(layout, "cpu", path);
  const std::string stat = files.text("cpu.stat");
  json::object throttling;
  add(throttling, "periods", number_of(stat, "nr_periods").value_or(0));
  add(throttling, "throttledPeriods", number_of(stat, "nr_throttled").value_or(0));
  add(throttling, "throttledTime",
      files.unified ? number_of(stat, "throttled_usec").value_or(0) * 1000
                    : number_of(stat, "throttled_time").value_or(0));
  json::object cpu{
      {"usage", files.unified ? cpu_usage_v2(stat) : cpu_usage_v1(find_files(layout, "cpuacct", path))},
      {"throttling", std::move(throttling)}};
  add_pressure(cpu, layout, path, "cpu.pressure");
  return cpu;
}

json::object cpuset_statistics(const Layout& layout, const std::string& path) {
  constexpr std::string_view flags[] = {"cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
                                        "memory_migrate",  "memory_spread_page", "memory_spread_slab",
                                        "memory_pressure", "sched_load_balance"};
  const Files files = find_files(layout, "cpuset", path);
  const std::string suffix = files.unified ? ".effective" : "";
  json::object cpuset;
  add(cpuset, "cpus", numbers_of_list(files.text("cpuset.cpus" + suffix)));
  add(cpuset, "mems", numbers_of_list(files.text("cpuset.mems" + suffix)));
  for (const auto flag : flags) cpuset[flag] = files.number("cpuset." + std::string(flag));
  std::int64_t level = 0;
  const std::string text = files.text("cpuset.sched_relax_domain_level");
  std::from_chars(text.data(), text.data() + text.size(), level);  // -1: the system's
  cpuset["sched_relax_domain_level"] = level;
  return cpuset;
}

json::object memory_entry(std::uint64_t limit, std::uint64_t usage, std::uint64_t most,
                          std::uint64_t failures) {
  json::object entry{{"limit", limit}};
  add(entry, "usage", usage);
  add(entry, "max", most);
  entry["failcnt"] = failures;
  return entry;
}

void add_memory_v1(json::object& memory, const Files& files) {
  constexpr struct {
    const char *field, *prefix;
  } counters[] = {{"usage", "memory."},
                  {"swap", "memory.memsw."},
                  {"kernel", "memory.kmem."},
                  {"kernelTCP", "memory.kmem.tcp."}};
  for (const auto& counter : counters) {
    const std::string prefix = counter.prefix;
    const auto number = [&](const char* name) { return files.number(prefix + name); };
    memory[counter.field] = memory_entry(number("limit_in_bytes"), number("usage_in_bytes"),
                                         number("max_usage_in_bytes"), number("failcnt"));
  }
}

// v2 counts swap alone; the field is memory and swap together, of which there is no highest value.
void add_memory_v2(json::object& memory, const Files& files) {
  const std::string events = files.text("memory.events");
  const std::uint64_t usage = files.number("memory.current"), limit = files.number("memory.max");
  const std::uint64_t swap_limit = files.number("memory.swap.max");
  memory["usage"] =
      memory_entry(limit, usage, files.number("memory.peak"), number_of(events, "max").value_or(0));
  memory["swap"] = memory_entry(swap_limit == no_limit || limit == no_limit ? no_limit : limit + swap_limit,
                                usage + files.number("memory.swap.current"), 0,
                                number_of(files.text("memory.swap.events"), "max").value_or(0));
  memory["kernel"] = memory_entry(0, number_of(files.text("memory.stat"), "kernel").value_or(0), 0, 0);
  memory["kernelTCP"] = memory_entry(0, 0, 0, 0);
}

json::object memory_statistics(const Layout& layout, const std::string& path) {
  const Files files = find_files(layout, "memory", path);
  const std::string stat = files.text("memory.stat");
  json::object memory;
  add(memory, "cache", number_of(stat, files.unified ? "file" : "cache").value_or(0));
  if (files.unified)
    add_memory_v2(memory, files);
  else
    add_memory_v1(memory, files);
  if (json::object raw = all_numbers_of(stat); !raw.empty()) memory["raw"] = std::move(raw);
  add_pressure(memory, layout, path, "memory.pressure");
  memory["event_count"] = all_numbers_of(files.unified ? files.text("memory.events") : std::string());
  return memory;
}

json::object pids_statistics(const Layout& layout, const std::string& path) {
  const Files files = find_files(layout, "pids", path);
  const std::uint64_t limit = files.number("pids.max");
  json::object pids;
  add(pids, "current", files.number("pids.current"));
  add(pids, "limit", limit == no_limit ? 0 : limit);
  return pids;
}

// The first of the files that says anything: BFQ's, those of CFQ (gone since Linux 5.0), and what is counted
// whatever the scheduler.
void add_blocks_v1(json::object& blocks, const Files& files) {
  constexpr struct {
    const char *field, *name;
    bool always_counted;
  } rows[] = {{"ioServiceBytesRecursive", "io_service_bytes", true},
              {"ioServicedRecursive", "io_serviced", true},
              {"ioQueueRecursive", "io_queued", false},
              {"ioServiceTimeRecursive", "io_service_time", false},
              {"ioWaitTimeRecursive", "io_wait_time", false},
              {"ioMergedRecursive", "io_merged", false},
              {"ioTimeRecursive", "time", false},
              {"sectorsRecursive", "sectors", false}};
  for (const auto& row : rows)
    for (const char* scheduler : {"bfq.", "", "throttle."}) {
      json::array entries = block_entries_of(files.text(format("blkio.{}{}_recursive", scheduler, row.name)));
      if (entries.empty()) continue;
      blocks[row.field] = std::move(entries);
      break;
    }
}

json::object block_entry(std::string_view device, std::string_view operation, std::uint64_t value) {
  json::object entry;
  add(entry, "major", to_number(next_word(device, ':')).value_or(0));
  add(entry, "minor", to_number(device).value_or(0));
  if (!operation.empty()) entry["op"] = operation;
  add(entry, "value", value);
  return entry;
}

// "8:0 rbytes=4096 wbytes=0 rios=1 …" with the names that v1 has.
void add_blocks_v2(json::object& blocks, const Files& files) {
  constexpr struct {
    std::string_view key, field, operation;
  } rows[] = {{"rbytes", "ioServiceBytesRecursive", "Read"},
              {"wbytes", "ioServiceBytesRecursive", "Write"},
              {"rios", "ioServicedRecursive", "Read"},
              {"wios", "ioServicedRecursive", "Write"}};
  const std::string text = files.text("io.stat");
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = next_word(rest, '\n');
    const std::string_view device = next_word(line, ' ');
    while (!line.empty()) {
      std::string_view value = next_word(line, ' ');
      const std::string_view key = next_word(value, '=');
      for (const auto& row : rows) {
        if (row.key != key) continue;
        json::value& list = blocks[row.field];
        if (!list.is_array()) list.emplace_array();
        list.get_array().push_back(block_entry(device, row.operation, to_number(value).value_or(0)));
      }
    }
  }
}

json::object block_statistics(const Layout& layout, const std::string& path) {
  const Files files = find_files(layout, layout.find("blkio") ? "blkio" : "io", path);
  json::object blocks;
  if (files.unified)
    add_blocks_v2(blocks, files);
  else
    add_blocks_v1(blocks, files);
  add_pressure(blocks, layout, path, "io.pressure");
  return blocks;
}

// Reserved pages are those a process may count on; older kernels do not count them.
json::object huge_page_statistics(const Layout& layout, const std::string& path) {
  json::object all;
  const Hierarchy* hierarchy = layout.find("hugetlb");
  if (!hierarchy) return all;
  const Files files = open_files(hierarchy, path);
  const std::string prefix = "hugetlb.", usage = files.unified ? ".current" : ".usage_in_bytes";
  for (const auto& name : sys::list_directory(sys::here, hierarchy->mount.value + path)) {
    if (!name.starts_with(prefix) || !name.ends_with(usage) || name.ends_with(".rsvd" + usage)) continue;
    const std::string size = name.substr(prefix.size(), name.size() - prefix.size() - usage.size());
    const std::string plain = prefix + size;
    const bool reserves = files.directory && sys::exists(files.directory, plain + ".rsvd" + usage);
    const std::string counted = reserves ? plain + ".rsvd" : plain;
    json::object one;
    add(one, "usage", files.number(counted + usage));
    if (!files.unified) add(one, "max", files.number(counted + ".max_usage_in_bytes"));
    one["failcnt"] = files.unified ? number_of(files.text(plain + ".events"), "max").value_or(0)
                                   : files.number(counted + ".failcnt");
    all[size] = std::move(one);
  }
  return all;
}

}  // namespace

json::array numbers_of_list(std::string_view text) {
  json::array numbers;
  for (text = trimmed(text); !text.empty();) {
    std::string_view range = next_word(text, ',');
    const auto first = to_number(next_word(range, '-'));
    const auto last = range.empty() ? first : to_number(range);
    if (!first || !last || *last > UINT16_MAX) break;
    for (std::uint64_t number = *first; number <= *last; number++) numbers.emplace_back(number);
  }
  return numbers;
}

json::object pressure_of(std::string_view text) {
  json::object pressure;
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    json::object& kind = pressure[next_word(line, ' ')].emplace_object();
    while (!line.empty()) {
      std::string_view value = next_word(line, ' ');
      const std::string_view key = next_word(value, '=');
      double average = 0;
      std::from_chars(value.data(), value.data() + value.size(), average);
      if (key == "total" || average == 0)
        kind[key] = to_number(value).value_or(0);
      else
        kind[key] = average;
    }
  }
  return pressure;
}

json::array block_entries_of(std::string_view text) {
  json::array entries;
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    const std::string_view device = next_word(line, ' ');
    if (device.find(':') == device.npos) continue;  // the sum of all devices
    const std::size_t last = trimmed(line).find_last_of(' ');
    const std::string_view operation = last == line.npos ? "" : line.substr(0, last);
    const auto value = to_number(trimmed(line.substr(last == line.npos ? 0 : last + 1)));
    if (value) entries.push_back(block_entry(device, operation, *value));
  }
  return entries;
}

json::object read_statistics(const Layout& layout, const std::string& path) {
  return {{"cpu", cpu_statistics(layout, path)},       {"cpuset", cpuset_statistics(layout, path)},
          {"memory", memory_statistics(layout, path)}, {"pids", pids_statistics(layout, path)},
          {"blkio", block_statistics(layout, path)},   {"hugetlb", huge_page_statistics(layout, path)}};
}

}  // namespace tare::cgroup
