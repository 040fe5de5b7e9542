// tare-runtime update: other limits for a container that lives.
#include "runtime/update.h"

#include <limits>
#include <unistd.h>

#include "base/format.h"
#include "base/json.h"
#include "base/units.h"
#include "commands/commands.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"resources", 'r', Takes::value, "FILE",
     "the changes as JSON, the specification's linux.resources, in place of all other options; -: standard "
     "input"},
    {"blkio-weight", 0, Takes::value, "N", "block I/O weight, 10 to 1000"},
    {"cpu-period", 0, Takes::value, "N", "microseconds in which the quota counts"},
    {"cpu-quota", 0, Takes::value, "N", "microseconds of CPU time per period; -1: no limit"},
    {"cpu-burst", 0, Takes::value, "N", "microseconds of unused quota that may be saved up"},
    {"cpu-share", 0, Takes::value, "N", "share of CPU time, 2 to 262144, relative to 1024"},
    {"cpu-idle", 0, Takes::value, "0|1", "1: runs only when nothing else wants to"},
    {"cpu-rt-period", 0, Takes::value, "N", "microseconds in which the realtime limit counts (cgroup v1)"},
    {"cpu-rt-runtime", 0, Takes::value, "N", "microseconds of realtime CPU time per period (cgroup v1)"},
    {"cpuset-cpus", 0, Takes::value, "LIST", "the CPUs it runs on, as 0-2,4"},
    {"cpuset-mems", 0, Takes::value, "LIST", "the memory nodes it takes from"},
    {"memory", 0, Takes::value, "BYTES", "memory limit, with units b k m g t; -1: none"},
    {"memory-reservation", 0, Takes::value, "BYTES", "memory that is taken from it last; -1: all"},
    {"memory-swap", 0, Takes::value, "BYTES", "limit of memory plus swap; -1: none"},
    {"pids-limit", 0, Takes::value, "N", "limit of processes and threads; -1: none"},
    {"kernel-memory", 0, Takes::value, "BYTES", "accepted for compatibility; gone from the kernel"},
    {"kernel-memory-tcp", 0, Takes::value, "BYTES", "accepted for compatibility; gone from the kernel"},
    {"l3-cache-schema", 0, Takes::value, "TEXT", "its share of cache (linux.intelRdt), as L3:0=ff;1=ff"},
    {"mem-bw-schema", 0, Takes::value, "TEXT", "its share of memory bandwidth, as MB:0=50;1=50"},
};

json::value read_text(const std::string& text) { return json::value(text); }
json::value read_size(const std::string& text) { return parse_size_or_unlimited(text); }
template <std::int64_t minimum, std::int64_t maximum>
json::value read_number(const std::string& text) {
  return parse_integer<std::int64_t>(text, minimum, maximum);
}

constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max();

// The option, where the specification has it, and what it takes.
constexpr struct {
  std::string_view option, part, field;
  json::value (*read)(const std::string& text);
} rows[] = {
    {"blkio-weight", "blockIO", "weight", read_number<0, 1000>},
    {"cpu-period", "cpu", "period", read_number<0, any>},
    {"cpu-quota", "cpu", "quota", read_number<-1, any>},
    {"cpu-burst", "cpu", "burst", read_number<0, any>},
    {"cpu-share", "cpu", "shares", read_number<0, any>},
    {"cpu-idle", "cpu", "idle", read_number<0, 1>},
    {"cpu-rt-period", "cpu", "realtimePeriod", read_number<0, any>},
    {"cpu-rt-runtime", "cpu", "realtimeRuntime", read_number<-1, any>},
    {"cpuset-cpus", "cpu", "cpus", read_text},
    {"cpuset-mems", "cpu", "mems", read_text},
    {"memory", "memory", "limit", read_size},
    {"memory-reservation", "memory", "reservation", read_size},
    {"memory-swap", "memory", "swap", read_size},
    {"pids-limit", "pids", "limit", read_number<-1, any>},
};

json::object read_document(const std::string& file) {
  const std::string text =
      file == "-" ? sys::read_all(sys::Fd(STDIN_FILENO)) : sys::read_file(sys::here, file);
  Step step("read the resources in", file == "-" ? "standard input" : std::string_view(file));
  return json::as_object(json::parse(text));
}

json::object read_options(const cli::Parsed& parsed) {
  json::object changes;
  for (const auto& row : rows) {
    // As for runc: the empty text is none.
    if (parsed.value(row.option).value_or("").empty()) continue;
    json::value& part = changes[row.part];
    if (!part.is_object()) part.emplace_object();
    part.get_object()[row.field] = *parsed.value_as(row.option, row.read);
  }
  return changes;
}

}  // namespace

constinit const cli::Command update_command = {
    .name = "update",
    .operands = "ID",
    .summary = "Change the limits of a container",
    .details = "What is not named stays as it is.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int update(const Context& context, const cli::Parsed& parsed) {
  std::vector<std::string> schemata;
  for (const auto* option : {"l3-cache-schema", "mem-bw-schema"})
    if (const auto line = parsed.value(option); line && !line->empty()) schemata.emplace_back(*line);
  const std::string file = parsed.value("resources").value_or("");
  runtime::update(context.root, parsed.operands.front(),
                  file.empty() ? read_options(parsed) : read_document(file), schemata);
  return 0;
}

}  // namespace tare::commands
