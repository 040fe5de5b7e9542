// tare ps: lists containers.
#include <algorithm>
#include <ctime>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "base/units.h"
#include "cli/row_format.h"
#include "commands/commands.h"
#include "engine/container_filter.h"
#include "engine/description.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option ps_options[] = {
    {"all", 'a', Takes::nothing, "", "show those that ended, too"},
    {"filter", 'f', Takes::value, "NAME=VALUE",
     "only those: id, name, label, status, exited, before, since, ancestor, volume, network", true},
    {"format", 0, Takes::value, "FORMAT",
     "\"table TEMPLATE\", \"json\" or a Go template, such as {{.ID}}: {{.Names}}"},
    {"last", 'n', Takes::value, "N", "the N newest, running or not"},
    {"latest", 'l', Takes::nothing, "", "the newest, running or not"},
    {"no-trunc", 0, Takes::nothing, "", "print ids and commands whole"},
    {"quiet", 'q', Takes::nothing, "", "print ids only"},
    {"size", 's', Takes::nothing, "", "measure what their files take"},
};

constexpr cli::Column columns[] = {
    {"ID", "CONTAINER ID"}, {"Names", "NAMES"},      {"Image", "IMAGE"},
    {"Command", "COMMAND"}, {"State", "STATE"},      {"CreatedAt", "CREATED AT"},
    {"Status", "STATUS"},   {"Ports", "PORTS"},      {"RunningFor", "CREATED"},
    {"Size", "SIZE"},       {"Labels", "LABELS"},    {"LocalVolumes", "LOCAL VOLUMES"},
    {"Mounts", "MOUNTS"},   {"Networks", "NETWORKS"}};

std::string shortened(const std::string& text, std::size_t most) {
  std::size_t size = 0, letters = 0;
  const auto is_start = [](char c) { return (c & 0xc0) != 0x80; };
  for (std::size_t i = 0; i < text.size(); i++)
    if (is_start(text[i]) && ++letters == most) size = i;
  return letters > most ? text.substr(0, size) + "…" : text;
}

std::string command_words(const state::Record& record) {
  std::string text;
  for (const auto& word : record.command) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

// Go's "2006-01-02 15:04:05 -0700 MST".
std::string local_words(Time time) {
  std::tm parts{};
  const std::time_t seconds = time.seconds;
  ::localtime_r(&seconds, &parts);
  char words[64];
  return {words, std::strftime(words, sizeof words, "%Y-%m-%d %H:%M:%S %z %Z", &parts)};
}

template <typename Elements, typename Word>
std::string joined(const Elements& elements, Word word) {
  std::string text;
  for (const auto& element : elements)
    text.append(&element == &*elements.begin() ? "" : ",").append(word(element));
  return text;
}

// A container's fields, as far as the format asks for them.
class Row {
 public:
  Row(const state::Place& place, const cli::RowFormat& format, bool whole, bool measured)
      : place_(place), whole_(whole), measured_(measured) {
    // Once for all rows: there may be thousands.
    std::ranges::copy_if(optional_fields, std::back_inserter(asked_for_),
                         [&](const auto field) { return format.asks_for(field); });
    asks_for_description_ =
        std::ranges::any_of(description_fields, [&](auto field) { return asks_for(field); });
  }

  json::object of(const engine::Container& container) const {
    const state::Record& record = container.record;
    const bool damaged = container.status == engine::Status::damaged;
    json::object row;
    row.reserve(std::size(columns));
    const auto set = [&](const char* field, auto make) {
      if (asks_for(field)) row[field] = damaged ? std::string() : make();
    };
    const engine::Description description =
        asks_for_description_ ? engine::describe(place_, record.id) : engine::Description();
    set("Command", [&] {
      const std::string words = command_words(record);
      return "\"" + (whole_ ? words : shortened(words, 20)) + "\"";
    });
    set("CreatedAt", [&] { return local_words(record.created); });
    row["ID"] = whole_ ? record.id.value : record.id.brief();
    row["Image"] = record.image;
    set("Labels", [&] {
      return joined(description.labels, [](const auto& label) { return label.first + "=" + label.second; });
    });
    set("LocalVolumes", [&] {
      return std::to_string(
          std::ranges::count_if(description.mounts, &engine::Description::Mount::is_volume));
    });
    set("Mounts", [&] {
      return joined(description.mounts,
                    [&](const auto& mount) { return whole_ ? mount.source : shortened(mount.source, 15); });
    });
    row["Names"] = record.name;
    set("Networks", [&] { return joined(description.networks, [](const auto& name) { return name; }); });
    row["Ports"] = "";
    set("RunningFor", [&] { return human_ago(seconds_between(record.created, present_)); });
    set("Size", [&] { return measured_ ? size_words(record.id) : "0B"; });
    row["State"] = engine::state_word(container.status);
    row["Status"] = engine::status_words(container, present_);
    return row;
  }

  std::optional<std::string> label(const ContainerId& id, std::string_view method,
                                   std::string_view name) const {
    if (method != "Label") return std::nullopt;
    const engine::Description description = engine::describe(place_, id);
    const std::string* value = engine::find_label(description, name);
    return value ? *value : std::string();
  }

 private:
  static constexpr std::string_view optional_fields[] = {"Command", "CreatedAt", "Labels",     "LocalVolumes",
                                                         "Mounts",  "Networks",  "RunningFor", "Size"};
  static constexpr std::string_view description_fields[] = {"Labels", "LocalVolumes", "Mounts", "Networks"};

  bool asks_for(std::string_view field) const {
    return std::ranges::find(asked_for_, field) != asked_for_.end();
  }

  std::string size_words(const ContainerId& id) const {
    const engine::Size size = engine::measure(place_, id);
    return format("{} (virtual {})", format_size_decimal(size.changes), format_size_decimal(size.root));
  }

  const state::Place& place_;
  bool whole_, measured_, asks_for_description_ = false;
  std::vector<std::string_view> asked_for_;  ///< of optional_fields
  Time present_ = now();
};

std::string default_format(bool with_size) {
  return std::string(
             "table "
             "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}") +
         (with_size ? "\t{{.Size}}" : "");
}

}  // namespace

constinit const cli::Command ps_command = {
    .name = "ps",
    .operands = "",
    .summary = "List containers",
    .details =
        "Shows the running ones; with -a also those that ended. A container whose monitor was killed is "
        "settled on the way: what is left of it is ended and removed. One whose record cannot be read is "
        "shown as Damaged.\n"
        "\n"
        "Fields for --format: .ID .Names .Image .Command .CreatedAt .RunningFor .Status .State .Ports .Size "
        ".Labels .Label \"NAME\" .Mounts .Networks .LocalVolumes",
    .options = ps_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int ps(const Context& context, const cli::Parsed& parsed) {
  const engine::ContainerFilter filter(context.place, parsed.values("filter"));
  const auto last = parsed.has("latest")
                        ? std::optional(1)
                        : parsed.value_as("last", [](const auto& t) { return parse_integer<int>(t); });
  const bool is_limited = last && *last > 0;
  const bool all = parsed.has("all") || is_limited || filter.wants_all();
  cli::RowFormat format(parsed.has("quiet") ? "{{.ID}}" : parsed.value("format").value_or(""),
                        default_format(parsed.has("size")), columns);
  const Row row(context.place, format, parsed.has("no-trunc"), parsed.has("size") || format.asks_for("Size"));
  const engine::Listing listing = engine::list_containers(context.place);
  for (const auto& problem : listing.problems) notify(problem);
  int shown = 0;
  for (const auto& container : listing.containers) {
    const bool ended =
        container.status == engine::Status::created || container.status == engine::Status::exited;
    if ((ended && !all) || !filter.matches(container)) continue;
    if (is_limited && shown++ >= *last) break;
    format.add(row.of(container), [&](std::string_view method, std::string_view name) {
      return row.label(container.record.id, method, name);
    });
  }
  print(format.text());
  return 0;
}

}  // namespace tare::commands
