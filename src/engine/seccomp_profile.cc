#include "engine/seccomp_profile.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "base/json_node.h"
#include "plan/names.h"
#include "runtime/call_numbers.h"
#include "runtime/seccomp_names.h"

namespace tare::engine {
namespace {

using json::KnownField;
using json::Node;

struct Version {
  unsigned kernel = 0, major = 0;
  auto operator<=>(const Version&) const = default;
};

// The first two numbers of "4.8", "6.1.0-13-amd64".
std::optional<Version> try_version(std::string_view text) {
  Version version;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, version.kernel);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, version.major);
  if (second.ec != std::errc{}) return std::nullopt;
  return version;
}

/// A rule's "includes" or "excludes".
struct Condition {
  std::vector<std::string> architectures;
  std::uint64_t capabilities = 0;
  bool has_unknown_capability = false;  ///< newer than this build: nobody has it
  std::optional<Version> kernel;        ///< this or a later one
};

constexpr KnownField<Condition> condition_fields[] = {
    {"arches", [](const Node& n, Condition& c) { c.architectures = n.texts(); }},
    {"caps",
     [](const Node& n, Condition& c) {
       n.for_each_element([&](const Node& element) {
         const std::string name = element.text();
         if (!name.starts_with("CAP_")) element.refuse("expected a capability such as \"CAP_CHOWN\"");
         if (const auto number = plan::capability_number(std::string_view(name).substr(4)))
           c.capabilities |= std::uint64_t{1} << *number;
         else
           c.has_unknown_capability = true;
       });
     }},
    {"minKernel",
     [](const Node& n, Condition& c) {
       c.kernel = try_version(n.text());
       if (!c.kernel) n.refuse("expected a version of the kernel such as \"4.8\"");
     }},
};

// Nobody listens to a container of the engine's.
std::string read_action(const Node& node) {
  std::string name = runtime::read_action(node);
  if (name == runtime::notify_action) node.refuse_unsupported();
  return name;
}

struct Rule {
  oci::SeccompRule rule;
  Condition includes, excludes;
};

constexpr KnownField<Rule> rule_fields[] = {
    {"name",
     [](const Node& n, Rule& r) {
       if (n.is_empty()) return;
       if (!r.rule.names.empty()) n.refuse("use either \"name\" or \"names\"");
       r.rule.names = {n.text()};
     }},
    {"names",
     [](const Node& n, Rule& r) {
       if (n.is_empty()) return;
       if (!r.rule.names.empty()) n.refuse("use either \"name\" or \"names\"");
       r.rule.names = n.texts();
     }},
    {"action", [](const Node& n, Rule& r) { r.rule.action = read_action(n); }},
    {"errnoRet", [](const Node& n, Rule& r) { r.rule.errno_ret = runtime::read_error_number(n); }},
    {"args", [](const Node& n, Rule& r) { r.rule.args = runtime::read_arguments(n); }},
    {"includes", [](const Node& n, Rule& r) { read_fields(n, r.includes, condition_fields); }},
    {"excludes", [](const Node& n, Rule& r) { read_fields(n, r.excludes, condition_fields); }},
};

struct ArchitectureMapping {
  std::string architecture;
  std::vector<std::string> others;
};

void read_architecture(const Node& node, ArchitectureMapping& mapping) {
  mapping.architecture = node.text();
  if (!runtime::is_architecture_name(mapping.architecture))
    node.refuse(format("unknown architecture \"{}\"", mapping.architecture));
}

constexpr KnownField<ArchitectureMapping> mapping_fields[] = {
    {"architecture", read_architecture},
    {"subArchitectures",
     [](const Node& n, ArchitectureMapping& m) { m.others = runtime::read_architectures(n); }},
};

struct Profile {
  oci::Seccomp seccomp;
  std::vector<ArchitectureMapping> architecture_map;
  std::vector<Rule> rules;
};

constexpr KnownField<Profile> profile_fields[] = {
    {"defaultAction", [](const Node& n, Profile& p) { p.seccomp.default_action = read_action(n); }},
    {"defaultErrnoRet",
     [](const Node& n, Profile& p) { p.seccomp.default_errno_ret = runtime::read_error_number(n); }},
    {"architectures",
     [](const Node& n, Profile& p) { p.seccomp.architectures = runtime::read_architectures(n); }},
    {"flags", [](const Node& n, Profile& p) { p.seccomp.flags = runtime::read_flags(n); }},
    {"listenerPath",
     [](const Node& n, Profile&) {
       if (!n.is_empty()) n.refuse_unsupported();
     }},
    {"archMap",
     [](const Node& n, Profile& p) {
       n.for_each_element([&](const Node& element) {
         read_fields(element, p.architecture_map.emplace_back(), mapping_fields);
       });
     }},
    {"syscalls",
     [](const Node& n, Profile& p) {
       n.for_each_element([&](const Node& element) {
         read_fields(element, p.rules.emplace_back(), rule_fields);
         if (p.rules.back().rule.action.empty()) element.refuse("action", "it is missing");
         if (p.rules.back().rule.names.empty()) element.refuse("names", "it is missing");
       });
     }},
};

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

// Docker's algebra: all of what is included has to be there, and nothing of what is excluded.
bool applies(const Rule& rule, const ProfileFacts& facts, const Version& kernel) {
  const Condition &in = rule.includes, &out = rule.excludes;
  if (has(out.architectures, facts.architecture) || (out.capabilities & facts.capabilities) != 0 ||
      (out.kernel && kernel >= *out.kernel))
    return false;
  return (in.architectures.empty() || has(in.architectures, facts.architecture)) &&
         (in.capabilities & ~facts.capabilities) == 0 && !in.has_unknown_capability &&
         (!in.kernel || kernel >= *in.kernel);
}

}  // namespace

oci::Seccomp parse_profile(std::string_view text, const ProfileFacts& facts) {
  const json::value document = json::parse(text);
  const Node root(document);
  Profile profile;
  read_fields(root, profile, profile_fields);
  if (profile.seccomp.default_action.empty()) root.refuse("defaultAction", "it is missing");
  if (!profile.seccomp.architectures.empty() && !profile.architecture_map.empty())
    root.refuse("archMap", "use either \"architectures\" or \"archMap\"");
  for (auto& mapping : profile.architecture_map)
    if (mapping.architecture == runtime::own_abis().front().name) {
      profile.seccomp.architectures = std::move(mapping.others);
      profile.seccomp.architectures.push_back(mapping.architecture);
    }
  const Version kernel = try_version(facts.kernel).value_or(Version{});
  for (auto& rule : profile.rules)
    if (applies(rule, facts, kernel)) profile.seccomp.rules.push_back(std::move(rule.rule));
  return std::move(profile.seccomp);
}

}  // namespace tare::engine
