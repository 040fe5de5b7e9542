// tare system df, system prune: all that lies on the disk.
#include "engine/system.h"

#include "base/format.h"
#include "base/units.h"
#include "cli/row_format.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option df_options[] = {
    {"format", 0, Takes::value, "FORMAT",
     "\"table TEMPLATE\", \"json\" or a Go template, such as {{.Type}} {{.Size}}"},
};
constexpr cli::Option prune_options[] = {
    {"all", 'a', Takes::nothing, "", "all images that no container uses, not only those without a name"},
    {"force", 'f', Takes::nothing, "", "do not ask"},
    {"volumes", 0, Takes::nothing, "", "the anonymous volumes that no container uses, too"},
};

constexpr cli::Column df_columns[] = {{"Type", "TYPE"},
                                      {"TotalCount", "TOTAL"},
                                      {"Active", "ACTIVE"},
                                      {"Size", "SIZE"},
                                      {"Reclaimable", "RECLAIMABLE"}};

std::string listed(std::string_view title, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + "\n";
  return text.empty() ? text : std::string(title) + ":\n" + text + "\n";
}

}  // namespace

constinit const cli::Command system_df_command = {
    .name = "system df",
    .operands = "",
    .summary = "Show what images, containers and volumes take on the disk",
    .details =
        "Of images both their blobs and their unpacked layers count, those that are shared once. Fields for "
        "--format: .Type .TotalCount .Active .Size .Reclaimable",
    .options = df_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int system_df(const Context& context, const cli::Parsed& parsed) {
  cli::RowFormat rows(parsed.value("format").value_or(""),
                      "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
                      df_columns);
  for (const auto& use : engine::disk_uses(context.place)) {
    const auto percent = use.bytes > 0 ? use.reclaimable * 100 / use.bytes : 0;
    rows.add(
        json::object{{"Type", std::string(use.kind)},
                     {"TotalCount", std::to_string(use.count)},
                     {"Active", std::to_string(use.in_use)},
                     {"Size", format_size_decimal(use.bytes)},
                     {"Reclaimable", format("{} ({}%)", format_size_decimal(use.reclaimable), percent)}});
  }
  print(rows.text());
  return 0;
}

constinit const cli::Command system_prune_command = {
    .name = "system prune",
    .operands = "",
    .summary = "Remove what nobody needs: containers that do not run, images without a name",
    .details = {},
    .options = prune_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int system_prune(const Context& context, const cli::Parsed& parsed) {
  const engine::SystemPruneWish wish{.all_images = parsed.has("all"), .volumes = parsed.has("volumes")};
  std::string question = "WARNING! This will remove:\n  - all stopped containers\n";
  if (wish.volumes) question += "  - all anonymous volumes not used by at least one container\n";
  question += wish.all_images ? "  - all images without at least one container associated to them\n"
                              : "  - all dangling images\n";
  if (!parsed.has("force") && !is_confirmed(question)) return 0;
  const engine::PrunedSystem pruned = engine::prune_system(context.place, wish);
  std::vector<std::string> images;
  images.reserve(pruned.images.removed.size());
  for (const auto& each : pruned.images.removed)
    images.push_back((each.what == engine::Removed::What::untagged ? "untagged: " : "deleted: ") + each.name);
  print(listed("Deleted Containers", pruned.containers) + listed("Deleted Volumes", pruned.volumes) +
        listed("Deleted Images", images) + "Total reclaimed space: " + format_size_decimal(pruned.bytes) +
        "\n");
  for (const auto& problem : pruned.problems) notify(problem);
  return pruned.problems.empty() ? 0 : 1;
}

}  // namespace tare::commands
