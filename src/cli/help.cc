#include "cli/help.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <vector>

#include "base/format.h"
#include "cli/text.h"

namespace tare::cli {
namespace {

constexpr int narrowest = 40;
/// A label wider than this has its text on the next line instead of pushing everyone's to the right.
constexpr std::size_t widest_label = 34;
constexpr std::string_view margin = "  ";
constexpr std::size_t gap = 3;

struct Entry {
  std::string label;
  std::string text;
};

/// Labels in one column, their texts wrapped in another.
void append_entries(std::string& out, std::string_view heading, const std::vector<Entry>& entries,
                    int width) {
  if (entries.empty()) return;
  std::size_t label_width = 0;
  for (const Entry& entry : entries)
    if (const std::size_t columns = columns_of(entry.label); columns <= widest_label)
      label_width = std::max(label_width, columns);
  const std::size_t column = margin.size() + label_width + gap;
  out.append("\n").append(heading).append(":\n");
  for (const Entry& entry : entries) {
    out.append(margin).append(entry.label);
    const std::size_t used = margin.size() + columns_of(entry.label);
    if (used + gap > column)
      out.append("\n").append(column, ' ');
    else
      out.append(column - used, ' ');
    append_wrapped(out, entry.text, column, column, static_cast<std::size_t>(width));
    out += '\n';
  }
}

std::string option_label(const Option& option) {
  std::string label = option.letter == 0 ? "    " : format("-{}, ", option.letter);
  label.append("--").append(option.name);
  if (option.takes == Takes::optional_value)
    label.append("[=").append(option.placeholder).append("]");
  else if (!option.placeholder.empty())
    label.append(" ").append(option.placeholder);
  return label;
}

std::vector<Entry> option_entries(std::span<const Option> options) {
  std::vector<Entry> entries;
  for (const Option& option : options)
    entries.push_back(
        {option_label(option), std::string(option.help) + (option.repeatable ? " (repeatable)" : "")});
  return entries;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == text.npos ? "" : text.substr(end + 1);
  return line;
}

void append_details(std::string& out, std::string_view details, int width) {
  if (details.empty()) return;
  out += '\n';
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (paragraph.empty()) return;
    append_wrapped(out, paragraph, 0, 0, static_cast<std::size_t>(width));
    out += '\n';
    paragraph.clear();
  };
  while (!details.empty()) {
    const std::string_view line = take_line(details);
    if (!line.empty() && line.front() != ' ') {
      paragraph.append(line).append(" ");
      continue;
    }
    end_paragraph();
    out.append(line).append("\n");
  }
  end_paragraph();
}

bool is_in_group(const Command& command, std::string_view group) {
  return group.empty() || (command.name.size() > group.size() && command.name.starts_with(group) &&
                           command.name[group.size()] == ' ');
}

void append_usage(std::string& out, std::string_view usage, std::string_view summary, int width) {
  constexpr std::string_view start = "Usage:  ";
  out.append(start);
  append_wrapped(out, usage, start.size(), start.size() + 2, static_cast<std::size_t>(width));
  out += '\n';
  if (summary.empty()) return;
  out += '\n';
  append_wrapped(out, summary, 0, 0, static_cast<std::size_t>(width));
  out += '\n';
}

}  // namespace

std::string help(const Program& program, int width, std::string_view group) {
  width = std::max(width, narrowest);
  std::string out;
  const std::string path =
      group.empty() ? std::string(program.name) : std::string(program.name) + " " + std::string(group);
  append_usage(out, path + (group.empty() ? " [OPTIONS] COMMAND" : " COMMAND"),
               group.empty() ? program.summary : "", width);
  std::vector<Entry> commands;
  for (const Command& command : program.commands)
    if (is_in_group(command, group))
      commands.push_back({std::string(command.name), std::string(command.summary)});
  append_entries(out, "Commands", commands, width);
  if (group.empty()) {
    append_entries(out, "Options", option_entries(program.global_options), width);
    append_details(out, program.details, width);
  }
  out += '\n';
  append_wrapped(out, format("Run '{} COMMAND --help' for more about a command.", path), 0, 0,
                 static_cast<std::size_t>(width));
  out += '\n';
  return out;
}

std::string help(const Program& program, const Command& command, int width) {
  width = std::max(width, narrowest);
  std::string out;
  std::string usage = format("{} {}", program.name, command.name);
  if (!command.options.empty()) usage += " [OPTIONS]";
  if (!command.operands.empty()) usage.append(" ").append(command.operands);
  append_usage(out, usage, command.summary, width);
  if (!command.aliases.empty()) {
    out.append("\nAliases:\n").append(margin);
    append_wrapped(out, command.aliases, margin.size(), margin.size(), static_cast<std::size_t>(width));
    out += '\n';
  }
  append_entries(out, "Options", option_entries(command.options), width);
  append_details(out, command.details, width);
  if (!program.global_options.empty()) {
    out += '\n';
    append_wrapped(out, format("Global options are accepted too: see '{} --help'.", program.name), 0, 0,
                   static_cast<std::size_t>(width));
    out += '\n';
  }
  return out;
}

int terminal_width(sys::Fd terminal) {
  struct winsize size = {};
  if (::ioctl(terminal.number(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace tare::cli
