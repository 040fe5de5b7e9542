#include "explain/rights.h"

#include <algorithm>

#include "cgroup/text.h"
#include "explain/proc_text.h"
#include "explain/seccomp_words.h"
#include "runtime/default_filter.h"
#include "sys/file.h"

namespace tare::explain {
namespace {

using cgroup::next_word, cgroup::trimmed;

constexpr int filter_mode = 2;

// proc_pid_limits: three columns of 25, 20 and 20 characters.
std::vector<ResourceLimit> parse_limits(std::string_view text) {
  constexpr std::size_t name_width = 25;
  std::vector<ResourceLimit> limits;
  next_word(text, '\n');
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    if (line.size() <= name_width) continue;
    ResourceLimit limit{.name = std::string(trimmed(line.substr(0, name_width)))};
    line.remove_prefix(name_width);
    limit.soft = next_field(line);
    limit.hard = next_field(line);
    limits.push_back(std::move(limit));
  }
  return limits;
}

Seccomp read_seccomp(std::string_view status, const std::string& policy, std::uint64_t bounding) {
  Seccomp seccomp{.mode = static_cast<int>(number_from(value_of(status, "Seccomp"))),
                  .filters = static_cast<int>(number_from(value_of(status, "Seccomp_filters"))),
                  .policy = policy};
  if (seccomp.mode != filter_mode || policy != "default") return seccomp;
  seccomp.calls_allowed = runtime::count_allowed_calls(bounding);
  seccomp.blocked = blocked_families(bounding);
  return seccomp;
}

// Without such a module there is no such file, or it cannot be read.
std::string read_label(sys::Fd process) {
  constexpr std::size_t longest = 4096;
  std::string label = read_some(process, "attr/current", longest);
  while (!label.empty() && (label.back() == '\n' || label.back() == '\0')) label.pop_back();
  return label;
}

}  // namespace

oci::Capabilities parse_capabilities(std::string_view status) {
  constexpr int hexadecimal = 16;
  const auto set = [&](std::string_view key) { return number_from(value_of(status, key), hexadecimal); };
  return {.bounding = set("CapBnd"),
          .effective = set("CapEff"),
          .permitted = set("CapPrm"),
          .inheritable = set("CapInh"),
          .ambient = set("CapAmb")};
}

std::vector<ResourceLimit> compare_limits(std::string_view limits, std::string_view host_limits) {
  const auto hosts = parse_limits(host_limits);
  std::vector<ResourceLimit> different;
  for (auto& limit : parse_limits(limits)) {
    const auto host = std::ranges::find(hosts, limit.name, &ResourceLimit::name);
    if (host == hosts.end() || (host->soft == limit.soft && host->hard == limit.hard)) continue;
    limit.host_soft = host->soft;
    limit.host_hard = host->hard;
    different.push_back(std::move(limit));
  }
  return different;
}

Rights read_rights(sys::Fd process, const std::string& policy) {
  const std::string status = read_some(process, "status");
  Rights rights;
  rights.pid = static_cast<int>(number_from(value_of(status, "Pid")));
  rights.capabilities = parse_capabilities(status);
  rights.last_capability =
      static_cast<int>(number_from(trimmed(read_some(sys::here, "/proc/sys/kernel/cap_last_cap"))));
  rights.no_new_privileges = value_of(status, "NoNewPrivs") == "1";
  rights.seccomp = read_seccomp(status, policy, rights.capabilities.bounding);
  rights.label = read_label(process);
  std::string_view score;
  const std::string score_text = read_some(process, "oom_score_adj");
  score = trimmed(score_text);
  const bool is_negative = score.starts_with('-');
  if (is_negative) score.remove_prefix(1);
  if (const auto number = cgroup::to_number(score))
    rights.oom_score_adjustment = static_cast<int>(*number) * (is_negative ? -1 : 1);
  rights.resource_limits =
      compare_limits(read_some(process, "limits"), read_some(sys::here, "/proc/1/limits"));
  return rights;
}

}  // namespace tare::explain
