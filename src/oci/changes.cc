#include "oci/changes.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "base/units.h"
#include "oci/change_words.h"

namespace tare::oci {
namespace {

using Words = std::vector<std::string>;

[[noreturn]] void refuse(std::string text, std::string hint = {}) {
  throw Error(ErrorKind::invalid, std::move(text), 0, std::move(hint));
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

// Takes the first word and the blanks around it.
std::string take_word(std::string_view& text) {
  text = without_blanks(text);
  const std::string word(text.substr(0, text.find_first_of(" \t")));
  text = without_blanks(text.substr(word.size()));
  return word;
}

// The words of a JSON array; nullopt: it is none, and so something for a shell.
std::optional<Words> try_exec_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  json::value value;
  try {
    value = json::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!value.is_array()) return std::nullopt;
  Words words;
  for (const auto& element : value.get_array()) {
    if (!element.is_string()) refuse("a JSON array here holds strings only");
    words.emplace_back(element.get_string());
  }
  return words;
}

void put_variable(Words& environment, const std::string& name, const std::string& value) {
  const std::string variable = name + "=" + value;
  const auto same =
      std::ranges::find_if(environment, [&](const auto& other) { return other.starts_with(name + "="); });
  if (same == environment.end())
    environment.push_back(variable);
  else
    *same = variable;
}

void add_name(Words& names, const std::string& name) {
  if (std::ranges::find(names, name) != names.end()) return;
  names.push_back(name);
  std::ranges::sort(names);
}

// Absolute and without `.`, `..` and doubled slashes.
std::string plain(const std::string& path) {
  Words parts;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  std::string result;
  for (const auto& part : parts) result += "/" + part;
  return result.empty() ? "/" : result;
}

class Changes {
 public:
  explicit Changes(ImageDefaults& defaults) : defaults_(defaults) {}

  void apply(std::string_view line) {
    std::string_view rest = line;
    const std::string given = take_word(rest);
    const std::string name = to_upper(given);
    const auto found = std::ranges::find(instructions, name, &Instruction::name);
    if (found == std::end(instructions))
      refuse(format("{} is not a valid change command", given),
             "these are: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME "
             "and WORKDIR");
    if (rest.empty()) refuse(format("{} requires at least one argument", name));
    (this->*found->apply)(rest);
  }

 private:
  struct Instruction {
    std::string_view name;
    void (Changes::*apply)(std::string_view rest);
  };

  std::string expanded(std::string_view text) const { return expand(text, defaults_.environment); }

  Words command_words(std::string_view text) const {
    if (auto words = try_exec_form(text)) return std::move(*words);
    Words words = defaults_.shell.empty() ? Words{"/bin/sh", "-c"} : defaults_.shell;
    words.emplace_back(text);
    return words;
  }

  void command(std::string_view rest) {
    defaults_.command = command_words(rest);
    has_command_ = true;
  }

  void entrypoint(std::string_view rest) {
    defaults_.entrypoint = command_words(rest);
    if (!has_command_) defaults_.command.clear();
  }

  // NAME=VALUE…, or NAME and all that follows it.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view instruction,
                                                         std::string_view rest) const {
    std::vector<std::pair<std::string, std::string>> pairs;
    const Words words = split_words(rest);
    if (words[0].find('=') == std::string::npos) {
      const std::string name = take_word(rest);
      if (rest.empty()) refuse(format("{} must have two arguments", instruction));
      pairs.emplace_back(expanded(name), expanded(rest));
    } else {
      for (const auto& word : words) {
        const auto equals = word.find('=');
        if (equals == std::string::npos)
          refuse(format("Syntax error - can't find = in \"{}\". Must be of the form: name=value", word));
        pairs.emplace_back(expanded(word.substr(0, equals)), expanded(word.substr(equals + 1)));
      }
    }
    for (const auto& [name, value] : pairs)
      if (name.empty()) refuse(format("{} names can not be blank", instruction));
    return pairs;
  }

  void environment(std::string_view rest) {
    for (const auto& [name, value] : pairs("ENV", rest)) put_variable(defaults_.environment, name, value);
  }

  void label(std::string_view rest) {
    for (const auto& [name, value] : pairs("LABEL", rest)) defaults_.labels[name] = value;
  }

  // "80", "443/tcp", "8000-8010/udp"
  void expose(std::string_view rest) {
    for (const auto& word : split_words(rest)) {
      const std::string text = expanded(word);
      const auto slash = text.find('/');
      std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
      for (char& c : protocol)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      const std::string ports = text.substr(0, slash);
      const auto dash = ports.find('-');
      const bool is_known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
      try {
        if (!is_known) refuse(text);
        const int first = parse_integer<int>(ports.substr(0, dash), 1, 65535);
        const int last =
            dash == std::string::npos ? first : parse_integer<int>(ports.substr(dash + 1), first, 65535);
        for (int port = first; port <= last; port++)
          add_name(defaults_.exposed_ports, format("{}/{}", port, protocol));
      } catch (const Error&) {
        refuse(format("invalid containerPort: {}", text), "as in 80, 53/udp or 8000-8010/tcp");
      }
    }
  }

  void health_check(std::string_view rest) {
    json::object check;
    while (rest.starts_with("--")) health_option(take_word(rest), check);
    std::string_view command = rest;
    const std::string kind = take_word(command);
    if (to_upper(kind) == "NONE") {
      if (!check.empty() || !command.empty()) refuse("HEALTHCHECK NONE takes no arguments");
      check["Test"] = json::array{"NONE"};
    } else if (to_upper(kind) == "CMD") {
      if (command.empty()) refuse("Missing command after HEALTHCHECK CMD");
      json::array test;
      if (const auto words = try_exec_form(command)) {
        test.emplace_back("CMD");
        test.insert(test.end(), words->begin(), words->end());
      } else {
        test = {"CMD-SHELL", command};
      }
      check["Test"] = std::move(test);
    } else {
      refuse(format("Unknown type \"{}\" in HEALTHCHECK (try CMD)", kind));
    }
    defaults_.health_check = std::move(check);
  }

  static void health_option(const std::string& word, json::object& check) {
    constexpr std::pair<std::string_view, const char*> durations[] = {{"--interval", "Interval"},
                                                                      {"--timeout", "Timeout"},
                                                                      {"--start-period", "StartPeriod"},
                                                                      {"--start-interval", "StartInterval"}};
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals == std::string::npos) refuse(format("{} needs a value: {}=VALUE", name, name));
    const std::string value = word.substr(equals + 1);
    if (name == "--retries") {
      Step step("--retries");
      check["Retries"] = parse_integer<int>(value, 0);
      return;
    }
    const auto found = std::ranges::find(durations, std::string_view(name),
                                         &std::pair<std::string_view, const char*>::first);
    if (found == std::end(durations)) refuse(format("Unknown flag: {}", name));
    const auto duration = try_parse_duration(value);
    if (!duration) refuse(format("{}: \"{}\" is no duration", name, value), "as in 30s or 1m30s");
    if (duration->count() != 0 && *duration < std::chrono::milliseconds(1))
      refuse(format("Interval \"{}\" cannot be less than 1ms", name.substr(2)));
    check[found->second] = duration->count();
  }

  void on_build(std::string_view rest) {
    std::string_view words = rest;
    const std::string trigger = to_upper(take_word(words));
    if (trigger == "ONBUILD") refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger == "FROM" || trigger == "MAINTAINER")
      refuse(format("{} isn't allowed as an ONBUILD trigger", trigger));
    defaults_.on_build.emplace_back(rest);
  }

  std::string one_word(std::string_view instruction, std::string_view rest) const {
    if (split_words(rest).size() != 1) refuse(format("{} requires exactly one argument", instruction));
    return expanded(rest);
  }

  void stop_signal(std::string_view rest) { defaults_.stop_signal = one_word("STOPSIGNAL", rest); }
  void user(std::string_view rest) { defaults_.user = one_word("USER", rest); }

  void volume(std::string_view rest) {
    auto paths = try_exec_form(rest);
    if (!paths) paths = split_words(rest);
    for (const auto& path : *paths) {
      const std::string volume{without_blanks(expanded(path))};
      if (volume.empty()) refuse("VOLUME specified can not be an empty string");
      add_name(defaults_.volumes, volume);
    }
  }

  // The rest of the line, blanks and all.
  void working_directory(std::string_view rest) {
    const std::string path = expanded(rest);
    if (path.empty()) refuse("cannot normalize nothing");
    defaults_.working_directory =
        plain(path.starts_with('/') ? path : "/" + defaults_.working_directory + "/" + path);
  }

  static const Instruction instructions[11];

  ImageDefaults& defaults_;
  bool has_command_ = false;
};

const Changes::Instruction Changes::instructions[11] = {
    {"CMD", &Changes::command},      {"ENTRYPOINT", &Changes::entrypoint},     {"ENV", &Changes::environment},
    {"EXPOSE", &Changes::expose},    {"HEALTHCHECK", &Changes::health_check},  {"LABEL", &Changes::label},
    {"ONBUILD", &Changes::on_build}, {"STOPSIGNAL", &Changes::stop_signal},    {"USER", &Changes::user},
    {"VOLUME", &Changes::volume},    {"WORKDIR", &Changes::working_directory},
};

}  // namespace

void apply_changes(ImageDefaults& defaults, const std::vector<std::string>& changes) {
  Changes applied(defaults);
  for (const auto& change : changes) {
    Step step("change", change);
    std::string line;
    for (const auto& part : split(change, '\n')) {
      const std::string_view text = without_blanks(part);
      if (line.empty() && text.starts_with('#')) continue;
      line += text;
      if (line.ends_with('\\')) {
        line.back() = ' ';
        continue;
      }
      if (!line.empty()) applied.apply(line);
      line.clear();
    }
    if (!without_blanks(line).empty()) applied.apply(line);
  }
}

}  // namespace tare::oci
