// Limits, ids and capabilities, as the options of prlimit(1) and setpriv(1).
#include <cctype>
#include <sys/resource.h>

#include "base/format.h"
#include "plan/names.h"
#include "script/writer.h"

namespace tare::script {

using plan::Kind;

std::string Writer::limits() const {
  std::string words;
  const auto number = [](std::uint64_t value) {
    return value == RLIM_INFINITY ? std::string("unlimited") : std::to_string(value);
  };
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::set_rlimit)
      words += format(" --{}={}:{}", entry.slot == RLIMIT_RTPRIO ? "rtprio" : plan::rlimit_name(entry.slot),
                      number(entry.a), number(entry.b));
  return words;
}

std::string Writer::rights() const {
  const auto sets = [](std::uint64_t set) {
    std::string words = "-all";
    for (std::string name : plan::capability_names(set)) {
      if (name == "ALL") return std::string("+all");
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      words += ",+" + name;
    }
    return words;
  };
  std::string words;
  for (const auto& entry : program_.entries) {
    if (entry.kind == Kind::set_groups) {
      std::string groups;
      for (const auto group : entry.groups) groups += (groups.empty() ? "" : ",") + std::to_string(group);
      // What was before made it the root of its user namespace, as nsenter(1) does.
      words = groups.empty() ? " --clear-groups" : " --groups " + groups;
    } else if (entry.kind == Kind::drop_bounding) {
      words += " --bounding-set " + sets(entry.a);
    } else if (entry.kind == Kind::set_ids) {
      words += format(" --reuid {} --regid {}", entry.a, entry.b);
    } else if (entry.kind == Kind::set_capabilities) {
      words += format(" --inh-caps {} --ambient-caps {}", sets(entry.b), sets(entry.ambient));
    } else if (entry.kind == Kind::no_new_privileges) {
      words += " --no-new-privs";
    }
  }
  return words;
}

}  // namespace tare::script
