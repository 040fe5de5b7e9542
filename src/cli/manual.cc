#include "cli/manual.h"

#include <algorithm>

#include "base/format.h"

namespace tare::cli {
namespace {

/// Text that roff takes as it is.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '\\': result += "\\e"; break;
      case '-': result += "\\-"; break;
      case '\'': result += "\\(aq"; break;
      case '"': result += "\\(dq"; break;
      case '^': result += "\\(ha"; break;
      case '~': result += "\\(ti"; break;
      default: result += c;
    }
  }
  return result;
}

/// A dot in front would make a request of the line.
std::string as_line(const std::string& text) { return text.starts_with('.') ? "\\&" + text : text; }

/// The same, and what is between backquotes is bold.
std::string prose(std::string_view text) {
  std::string result;
  for (bool is_code = false;; is_code = !is_code) {
    const std::size_t end = text.find('`');
    const std::string part = escaped(text.substr(0, end));
    result += is_code ? "\\fB" + part + "\\fR" : part;
    if (end == text.npos) return as_line(result);
    text.remove_prefix(end + 1);
  }
}

/// "CONTAINER [CONTAINER...]": what stands for something else is in italics.
std::string placeholders(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto is_name = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
    const auto end =
        static_cast<std::size_t>(std::ranges::find_if_not(text.substr(at), is_name) - text.begin());
    if (end > at) result += "\\fI" + escaped(text.substr(at, end - at)) + "\\fR";
    if (end < text.size()) result += escaped(text.substr(end, 1));
    at = end + 1;
  }
  return result;
}

std::string option_label(const Option& option) {
  std::string label;
  if (option.letter != 0) label += format("\\fB\\-{}\\fR, ", option.letter);
  label += "\\fB\\-\\-" + escaped(option.name) + "\\fR";
  if (option.takes == Takes::optional_value) return label + "[=" + placeholders(option.placeholder) + "]";
  return option.placeholder.empty() ? label : label + " " + placeholders(option.placeholder);
}

void append_options(std::string& out, std::string_view heading, std::span<const Option> options) {
  if (options.empty()) return;
  out.append(".SH ").append(heading).append("\n");
  for (const Option& option : options)
    out += format(".TP\n{}\n{}{}\n", option_label(option), prose(option.help),
                  option.repeatable ? " (repeatable)" : "");
}

/// See help.h for the markup of details.
void append_details(std::string& out, std::string_view details) {
  bool is_example = false;
  while (!details.empty()) {
    const std::size_t end = details.find('\n');
    const std::string_view line = details.substr(0, end);
    details.remove_prefix(end == details.npos ? details.size() : end + 1);
    const bool begins_example = line.starts_with(' ');
    if (begins_example != is_example) out += begins_example ? ".PP\n.nf\n.RS 4\n" : ".RE\n.fi\n.PP\n";
    is_example = begins_example;
    if (is_example)
      out += as_line(escaped(line.substr(std::min(line.find_first_not_of(' '), line.size())))) + "\n";
    else
      out += line.empty() ? ".PP\n" : prose(line) + "\n";
  }
  if (is_example) out += ".RE\n.fi\n";
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

/// Without what is said twice: two paragraphs in a row, or one where a section begins.
std::string tidy(std::string out) {
  for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{".PP\n.PP\n", ".PP\n"},
                                 {"DESCRIPTION\n.PP\n", "DESCRIPTION\n"},
                                 {".PP\n.SH ", ".SH "}})
    for (std::size_t at; (at = out.find(from)) != out.npos;) out.replace(at, from.size(), to);
  return out;
}

}  // namespace

std::string manual_name(const Program& program, const Command* command) {
  std::string name(program.name);
  if (command) name.append("-").append(command->name);
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string manual(const Program& program, int section, const Command* command) {
  const std::string name = manual_name(program, command);
  const std::string_view summary = command ? command->summary : program.summary;
  std::string out = format(".TH \"{}\" \"{}\" \"\" \"{} {}\" \"\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
                           escaped(upper(name)), section, escaped(program.name), TARE_VERSION, escaped(name),
                           prose(summary));
  if (command) {
    out += format("\\fB{} {}\\fR{}", escaped(program.name), escaped(command->name),
                  command->options.empty() ? "" : " [\\fIOPTIONS\\fR]");
    if (!command->operands.empty()) out += " " + placeholders(command->operands);
    out += "\n";
  } else {
    out += format("\\fB{}\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n", escaped(program.name));
  }
  if (const auto details = command ? command->details : program.details; !details.empty()) {
    out += ".SH DESCRIPTION\n";
    append_details(out, details);
  }
  if (!command) {
    out += ".SH COMMANDS\n";
    for (const Command& one : program.commands)
      out += format(".TP\n\\fB{}\\fR({})\n{}\n", escaped(manual_name(program, &one)), section,
                    prose(one.summary));
    append_options(out, "OPTIONS", program.global_options);
    return tidy(out);
  }
  append_options(out, "OPTIONS", command->options);
  if (!command->aliases.empty()) out += ".SH ALIASES\n" + escaped(command->aliases) + "\n";
  out += format(".SH SEE ALSO\n\\fB{}\\fR({}), which has the options that all commands take\n",
                escaped(program.name), section);
  return tidy(out);
}

}  // namespace tare::cli
