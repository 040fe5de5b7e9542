// tare ps: lists containers.
#include <algorithm>
#include <ctime>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "base/units.h"
#include "cli/row_format.h"
#include "cli/text.h"
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
    for (const Field& field : fields)
      if (field.is_of_damaged || format.asks_for(field.name)) asked_for_.push_back(&field);
    for (const auto& name : format.plain_fields())
      if (const Field* field = std::ranges::find(fields, name, &Field::name); field != std::end(fields))
        columns_.push_back(field);
    if (columns_.size() != format.plain_fields().size()) columns_.clear();
    describes_ = std::ranges::any_of(asked_for_, &Field::is_described);
  }

  void add_to(cli::RowFormat& format, const engine::Container& container) const {
    const engine::Description description =
        describes_ ? engine::describe(place_, container.record.id) : engine::Description();
    if (columns_.empty())
      return format.add(of(container, description), [&](std::string_view method, std::string_view name) {
        return label(container.record.id, method, name);
      });
    std::vector<std::string> cells;
    cells.reserve(columns_.size());
    for (const Field* field : columns_) cells.push_back(text(*field, container, description));
    format.add_cells(cells);
  }

 private:
  using Container = engine::Container;
  using Description = engine::Description;
  struct Field {
    std::string_view name;
    bool is_of_damaged;  ///< known of a container whose record cannot be read, too
    bool is_described;
    std::string (*make)(const Row& row, const Container& container, const Description& description);
  };
  static const Field fields[14];

  std::string text(const Field& field, const Container& container, const Description& description) const {
    if (container.status == engine::Status::damaged && !field.is_of_damaged) return {};
    return field.make(*this, container, description);
  }

  json::object of(const Container& container, const Description& description) const {
    json::object row;
    row.reserve(asked_for_.size());
    for (const Field* field : asked_for_) row[field->name] = text(*field, container, description);
    return row;
  }

  std::optional<std::string> label(const ContainerId& id, std::string_view method,
                                   std::string_view name) const {
    if (method != "Label") return std::nullopt;
    const Description description = engine::describe(place_, id);
    const std::string* value = engine::find_label(description, name);
    return value ? *value : std::string();
  }

  std::string size_words(const ContainerId& id) const {
    const engine::Size size = engine::measure(place_, id);
    return format("{} (virtual {})", format_size_decimal(size.changes), format_size_decimal(size.root));
  }

  const state::Place& place_;
  bool whole_, measured_, describes_ = false;
  std::vector<const Field*> asked_for_, columns_;
  Time present_ = now();
};

const Row::Field Row::fields[14] = {
    {"Command", false, false,
     [](const Row& row, const Container& container, const Description&) {
       const std::string words = command_words(container.record);
       return "\"" + (row.whole_ ? words : cli::shortened(words, 20)) + "\"";
     }},
    {"CreatedAt", false, false,
     [](const Row&, const Container& container, const Description&) {
       return local_words(container.record.created);
     }},
    {"ID", true, false,
     [](const Row& row, const Container& container, const Description&) {
       return row.whole_ ? container.record.id.value : container.record.id.brief();
     }},
    {"Image", true, false,
     [](const Row&, const Container& container, const Description&) { return container.record.image; }},
    {"Labels", false, true,
     [](const Row&, const Container&, const Description& description) {
       return joined(description.labels, [](const auto& label) { return label.first + "=" + label.second; });
     }},
    {"LocalVolumes", false, true,
     [](const Row&, const Container&, const Description& description) {
       return std::to_string(std::ranges::count_if(description.mounts, &Description::Mount::is_volume));
     }},
    {"Mounts", false, true,
     [](const Row& row, const Container&, const Description& description) {
       return joined(description.mounts, [&](const auto& mount) {
         return row.whole_ ? mount.source : cli::shortened(mount.source, 15);
       });
     }},
    {"Names", true, false,
     [](const Row&, const Container& container, const Description&) { return container.record.name; }},
    {"Networks", false, true,
     [](const Row&, const Container&, const Description& description) {
       return joined(description.networks, [](const auto& name) { return name; });
     }},
    {"Ports", true, false, [](const Row&, const Container&, const Description&) { return std::string(); }},
    {"RunningFor", false, false,
     [](const Row& row, const Container& container, const Description&) {
       return human_ago(seconds_between(container.record.created, row.present_));
     }},
    {"Size", false, false,
     [](const Row& row, const Container& container, const Description&) {
       return row.measured_ ? row.size_words(container.record.id) : "0B";
     }},
    {"State", true, false,
     [](const Row&, const Container& container, const Description&) {
       return std::string(engine::state_word(container.status));
     }},
    {"Status", true, false, [](const Row& row, const Container& container, const Description&) {
       return engine::status_words(container, row.present_);
     }}};

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
    row.add_to(format, container);
  }
  print(format.text());
  return 0;
}

}  // namespace tare::commands
