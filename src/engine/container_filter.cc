#include "engine/container_filter.h"

#include <algorithm>
#include <optional>
#include <regex.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "engine/description.h"

namespace tare::engine {
namespace {

// One container, and what must be read of it if any condition asks.
class Subject {
 public:
  Subject(const state::Place& place, const Container& container) : container_(container), place_(place) {}

  const Container& container() const { return container_; }
  const state::Record& record() const { return container_.record; }
  const Description& description() {
    if (!description_) description_ = describe(place_, record().id);
    return *description_;
  }

 private:
  const Container& container_;
  const state::Place& place_;
  std::optional<Description> description_;
};

struct FreePattern {
  void operator()(regex_t* pattern) const {
    ::regfree(pattern);
    delete pattern;
  }
};
using Pattern = std::unique_ptr<regex_t, FreePattern>;

Pattern compile(const std::string& text) {
  auto pattern = std::make_unique<regex_t>();
  if (::regcomp(pattern.get(), text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    throw Error(ErrorKind::invalid, format("invalid filter: '{}' is no regular expression", text));
  return Pattern(pattern.release());
}

// What a filter's value was made into.
struct Wanted {
  std::string text;
  Pattern pattern;
  std::optional<int> number;
  Time time;
};

bool matches_text(const Wanted& wanted, const std::string& text) {
  return text == wanted.text || ::regexec(wanted.pattern.get(), text.c_str(), 0, nullptr, 0) == 0;
}

bool has_label(const Wanted& wanted, Subject& subject) {
  const auto equals = wanted.text.find('=');
  const std::string* value = find_label(subject.description(), wanted.text.substr(0, equals));
  return value && (equals == std::string::npos || *value == wanted.text.substr(equals + 1));
}

bool has_mount(const Wanted& wanted, Subject& subject) {
  return std::ranges::any_of(subject.description().mounts, [&](const Description::Mount& mount) {
    return mount.source == wanted.text || mount.destination == wanted.text;
  });
}

bool has_network(const Wanted& wanted, Subject& subject) {
  return std::ranges::find(subject.description().networks, wanted.text) !=
         subject.description().networks.end();
}

enum class Value { text, pattern, number, status, container };

struct Kind {
  std::string_view name;
  Value value;
  bool (*holds)(const Wanted& wanted, Subject& subject);
  bool all_must_hold = false;
  bool wants_all = false;
};

constexpr auto never = [](const Wanted&, Subject&) { return false; };

constexpr Kind kinds[] = {
    {"id", Value::pattern, [](const Wanted& w, Subject& s) { return matches_text(w, s.record().id.value); }},
    {"name", Value::pattern,
     [](const Wanted& w, Subject& s) {
       return matches_text(w, s.record().name) || matches_text(w, "/" + s.record().name);
     }},
    {"label", Value::text, has_label, true},
    {"exited", Value::number,
     [](const Wanted& w, Subject& s) { return s.record().exit && s.record().exit->code == *w.number; }},
    {"status", Value::status,
     [](const Wanted& w, Subject& s) {
       const std::string word = state_word(s.container().status);
       return word == w.text || (word == "damaged" && w.text == "dead");
     },
     false, true},
    {"before", Value::container, [](const Wanted& w, Subject& s) { return s.record().created < w.time; },
     true, true},
    {"since", Value::container, [](const Wanted& w, Subject& s) { return s.record().created > w.time; }, true,
     true},
    {"ancestor", Value::text, [](const Wanted& w, Subject& s) { return s.record().image == w.text; }},
    {"volume", Value::text, has_mount},
    {"network", Value::text, has_network},
    // What no container has yet.
    {"health", Value::text, [](const Wanted& w, Subject&) { return w.text == "none"; }},
    {"publish", Value::text, never},
    {"expose", Value::text, never},
    {"is-task", Value::text, [](const Wanted& w, Subject&) { return w.text == "false"; }},
};

int read_number(const std::string& filter, const std::string& value) {
  try {
    return parse_integer<int>(value);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid, format("invalid filter '{}': {}", filter, error.text()));
  }
}

constexpr std::string_view states[] = {"created",  "running", "paused", "restarting",
                                       "removing", "exited",  "dead",   "damaged"};

}  // namespace

std::string state_word(Status status) {
  switch (status) {
    case Status::created: return "created";
    case Status::running: return "running";
    case Status::paused: return "paused";
    case Status::exited: return "exited";
    case Status::damaged: return "damaged";
  }
  return {};
}

struct ContainerFilter::Condition {
  const Kind* kind;
  std::vector<Wanted> wanted;
};

ContainerFilter::ContainerFilter(const state::Place& place, const std::vector<std::string>& filters)
    : place_(place) {
  for (const auto& filter : filters) {
    const auto equals = filter.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorKind::invalid,
                  format("invalid argument \"{}\" for --filter: it is not NAME=VALUE", filter));
    const std::string name = filter.substr(0, equals), value = filter.substr(equals + 1);
    const auto* kind = std::ranges::find(kinds, name, &Kind::name);
    if (kind == std::end(kinds)) throw Error(ErrorKind::invalid, format("invalid filter '{}'", name));
    Wanted wanted{.text = value, .pattern = nullptr, .number = std::nullopt, .time = {}};
    switch (kind->value) {
      case Value::text: break;
      case Value::pattern: wanted.pattern = compile(value); break;
      case Value::number: wanted.number = read_number(filter, value); break;
      case Value::status:
        if (std::ranges::find(states, value) == std::end(states))
          throw Error(ErrorKind::invalid, format("invalid filter 'status={}'", value));
        break;
      case Value::container: wanted.time = find_container(place, value).record.created; break;
    }
    auto known = std::ranges::find(conditions_, kind, &Condition::kind);
    if (known == conditions_.end()) known = conditions_.insert(known, Condition{kind, {}});
    known->wanted.push_back(std::move(wanted));
  }
}

ContainerFilter::~ContainerFilter() = default;

bool ContainerFilter::wants_all() const {
  return std::ranges::any_of(conditions_,
                             [](const Condition& condition) { return condition.kind->wants_all; });
}

bool ContainerFilter::matches(const Container& container) const {
  Subject subject(place_, container);
  return std::ranges::all_of(conditions_, [&](const Condition& condition) {
    const auto holds = [&](const Wanted& wanted) { return condition.kind->holds(wanted, subject); };
    return condition.kind->all_must_hold ? std::ranges::all_of(condition.wanted, holds)
                                         : std::ranges::any_of(condition.wanted, holds);
  });
}

}  // namespace tare::engine
