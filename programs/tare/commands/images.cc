// tare images, tag, rmi, history, image inspect, image prune: the images there are.
#include "engine/images.h"

#include "base/format.h"
#include "base/units.h"
#include "cli/row_format.h"
#include "cli/template.h"
#include "cli/text.h"
#include "commands/commands.h"
#include "oci/reference.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option images_options[] = {
    {"all", 'a', Takes::nothing, "", "show all (there are no hidden ones)"},
    {"digests", 0, Takes::nothing, "", "show by what digests registries know them"},
    {"filter", 'f', Takes::value, "KEY=VALUE", "only those: dangling, reference, label, before, since, until",
     true},
    {"format", 0, Takes::value, "FORMAT",
     "\"table TEMPLATE\", \"json\" or a Go template, such as {{.Repository}}:{{.Tag}}"},
    {"no-trunc", 0, Takes::nothing, "", "print ids whole"},
    {"quiet", 'q', Takes::nothing, "", "print ids only"},
};
constexpr cli::Option rmi_options[] = {
    {"force", 'f', Takes::nothing, "", "also one that containers use, or that has several names"},
    {"no-prune", 0, Takes::nothing, "", "as docker has it; images have no parents here"},
};
constexpr cli::Option history_options[] = {
    {"format", 0, Takes::value, "FORMAT",
     "\"table TEMPLATE\", \"json\" or a Go template, such as {{.CreatedBy}}"},
    {"human", 'H', Takes::nothing, "", "sizes and dates for people (--human=false: for programs)"},
    {"no-trunc", 0, Takes::nothing, "", "print all of each command"},
    {"quiet", 'q', Takes::nothing, "", "print ids only"},
};
constexpr cli::Option inspect_options[] = {
    {"format", 'f', Takes::value, "FORMAT",
     "\"json\" or a Go template for each image, such as {{.Architecture}}"},
};
constexpr cli::Option prune_options[] = {
    {"all", 'a', Takes::nothing, "", "also those that have a name and that no container uses"},
    {"filter", 0, Takes::value, "KEY=VALUE", "only those: until, label, label!", true},
    {"force", 'f', Takes::nothing, "", "do not ask"},
};

constexpr cli::Column image_columns[] = {{"Repository", "REPOSITORY"},
                                         {"Tag", "TAG"},
                                         {"Digest", "DIGEST"},
                                         {"ID", "IMAGE ID"},
                                         {"CreatedSince", "CREATED"},
                                         {"CreatedAt", "CREATED AT"},
                                         {"Size", "SIZE"}};
constexpr cli::Column history_columns[] = {
    {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"}, {"Comment", "COMMENT"}};

constexpr std::string_view nothing = "<none>";

std::string shown_id(const oci::Digest& id, bool whole) {
  return whole ? id.value : std::string(id.hex().substr(0, 12));
}

std::string since_words(const std::optional<Time>& created) {
  return created ? human_ago(seconds_between(*created, now())) : "N/A";
}

// A row for each name of an image, or one for an image without.
class ImageRows {
 public:
  ImageRows(const Context& context, const cli::Parsed& parsed, cli::RowFormat& format)
      : context_(context), format_(format), whole_(parsed.has("no-trunc")) {}

  void add(const store::Image& image, const engine::ImageFilter& filter) {
    const std::string size = format_size_decimal(engine::size_of(context_.place, image));
    bool has_name = false;
    for (const auto& entry : image.entries) {
      if (entry.name.empty() || !filter.matches_name(entry.name)) continue;
      has_name = true;
      const oci::Reference reference = oci::parse_reference(entry.name);
      add(image, reference.short_repository(), reference.tag, entry.pulled.value_or(entry.manifest.digest),
          size);
    }
    if (!has_name) add(image, {}, {}, image.manifest_descriptor.digest, size);
  }

 private:
  void add(const store::Image& image, const std::string& repository, const std::string& tag,
           const oci::Digest& digest, const std::string& size) {
    const auto or_nothing = [](const std::string& text) {
      return text.empty() ? std::string(nothing) : text;
    };
    const std::optional<Time>& created = image.config.created;
    format_.add(json::object{{"Repository", or_nothing(repository)},
                             {"Tag", or_nothing(tag)},
                             {"Digest", digest.value},
                             {"ID", shown_id(image.id(), whole_)},
                             {"CreatedSince", since_words(created)},
                             {"CreatedAt", created ? format_time(*created) : "N/A"},
                             {"Size", size}});
  }

  const Context& context_;
  cli::RowFormat& format_;
  bool whole_;
};

std::string without_duplicates(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); i++)
    if (std::find(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i), lines[i]) ==
        lines.begin() + static_cast<std::ptrdiff_t>(i))
      text += lines[i] + "\n";
  return text;
}

std::string words_of(const std::vector<engine::Removed>& removed) {
  std::string text;
  for (const auto& each : removed)
    text += (each.what == engine::Removed::What::untagged ? "Untagged: " : "Deleted: ") + each.name + "\n";
  return text;
}

}  // namespace

constinit const cli::Command images_command = {
    .name = "images",
    .operands = "[REPOSITORY[:TAG]]",
    .summary = "List images",
    .details = "Fields for --format: .Repository .Tag .Digest .ID .CreatedSince .CreatedAt .Size",
    .options = images_options,
    .minimum_operands = 0,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = "image ls, image list",
};

int images(const Context& context, const cli::Parsed& parsed) {
  std::vector<std::string> filters = parsed.values("filter");
  if (!parsed.operands.empty()) filters.push_back("reference=" + parsed.operands.front());
  const engine::ImageFilter filter(context.place, filters,
                                   {"dangling", "reference", "label", "before", "since", "until"});
  const std::string otherwise = std::string("table {{.Repository}}\t{{.Tag}}\t") +
                                (parsed.has("digests") ? "{{.Digest}}\t" : "") +
                                "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
  cli::RowFormat format(parsed.value("format").value_or(""), otherwise, image_columns);
  ImageRows rows(context, parsed, format);
  std::vector<std::string> problems, ids;
  for (const auto& image : store::list_images(context.place.root, problems)) {
    if (!filter.matches(image)) continue;
    ids.push_back(shown_id(image.id(), parsed.has("no-trunc")));
    rows.add(image, filter);
  }
  for (const auto& problem : problems) notify(problem);
  print(parsed.has("quiet") ? without_duplicates(ids) : format.text());
  return 0;
}

constinit const cli::Command tag_command = {
    .name = "tag",
    .operands = "IMAGE NAME[:TAG]",
    .summary = "Give an image another name",
    .details = "What had the name before stays, without it.",
    .options = {},
    .minimum_operands = 2,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = "image tag",
};

int tag(const Context& context, const cli::Parsed& parsed) {
  engine::tag_image(context.place, parsed.operands[0], parsed.operands[1]);
  return 0;
}

constinit const cli::Command rmi_command = {
    .name = "rmi",
    .operands = "IMAGE [IMAGE...]",
    .summary = "Remove images",
    .details =
        "By name, or by the beginning of an id. An image goes with its last name, and the layers that no "
        "other "
        "image and no container needs go with it.",
    .options = rmi_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = "image rm, image remove",
};

int rmi(const Context& context, const cli::Parsed& parsed) {
  return for_each_name(parsed, [&](const std::string& name) {
    try {
      print(words_of(engine::remove_image(context.place, name, parsed.has("force"))));
    } catch (const Error& error) {
      if (!parsed.has("force") || error.kind() != ErrorKind::not_found) throw;
      notify(error.what());  // gone is what was asked for
    }
  });
}

constinit const cli::Command history_command = {
    .name = "history",
    .operands = "IMAGE",
    .summary = "Show how an image was made, the newest step first",
    .details = "Fields for --format: .ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment",
    .options = history_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = "image history",
};

int history(const Context& context, const cli::Parsed& parsed) {
  const store::Image image = engine::image_of(context.place, parsed.operands.front());
  const bool for_people = parsed.has("human", true), whole = parsed.has("no-trunc");
  cli::RowFormat format(parsed.value("format").value_or(parsed.has("quiet") ? "{{.ID}}" : ""),
                        for_people
                            ? "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
                            : "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
                        history_columns);
  const auto sizes = engine::history_sizes(context.place, image);
  const auto& steps = image.config.history;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const bool is_newest = i + 1 == steps.size();
    format.add(
        json::object{{"ID", is_newest ? shown_id(image.id(), whole) : "<missing>"},
                     {"CreatedSince", since_words(steps[i].created)},
                     {"CreatedAt", steps[i].created ? format_time(*steps[i].created) : "N/A"},
                     {"CreatedBy", whole ? steps[i].created_by : cli::shortened(steps[i].created_by, 45)},
                     {"Size", for_people ? format_size_decimal(sizes[i]) : std::to_string(sizes[i])},
                     {"Comment", steps[i].comment}});
  }
  print(format.text());
  return 0;
}

constinit const cli::Command image_inspect_command = {
    .name = "image inspect",
    .operands = "IMAGE [IMAGE...]",
    .summary = "Print what is known of images, as JSON",
    .details = "An array with an object for each image, its fields named as docker names them.",
    .options = inspect_options,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int image_inspect(const Context& context, const cli::Parsed& parsed) {
  const auto shape = parsed.value("format").value_or("");
  const cli::Template form(shape == "json" ? "{{json .}}" : shape);
  json::array found;
  const int code = for_each_name(parsed, [&](const std::string& name) {
    json::value object = engine::inspect_image(context.place, engine::image_of(context.place, name));
    if (shape.empty())
      found.push_back(std::move(object));
    else
      print(form.render(object) + "\n");
  });
  if (shape.empty()) print(found.empty() ? "[]\n" : json::pretty(std::move(found)));
  return code;
}

constinit const cli::Command image_prune_command = {
    .name = "image prune",
    .operands = "",
    .summary = "Remove images without a name, and what interrupted pulls left",
    .details = {},
    .options = prune_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int image_prune(const Context& context, const cli::Parsed& parsed) {
  const engine::ImageFilter filter(context.place, parsed.values("filter"), {"until", "label", "label!"});
  const bool all = parsed.has("all");
  if (!parsed.has("force") &&
      !is_confirmed(
          format("WARNING! This will remove all {}.",
                 all ? "images without at least one container associated to them" : "dangling images")))
    return 0;
  const engine::PrunedImages pruned = engine::prune_images(context.place, filter, all);
  std::string text = pruned.removed.empty() ? "" : "Deleted Images:\n" + words_of(pruned.removed) + "\n";
  text += "Total reclaimed space: " + format_size_decimal(pruned.bytes) + "\n";
  print(text);
  return 0;
}

}  // namespace tare::commands
