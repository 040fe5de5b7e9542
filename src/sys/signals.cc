#include "sys/signals.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/format.h"

namespace tare::sys {
namespace {

struct Signal {
  std::string_view name;
  int number;
};
constexpr Signal signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"BUS", SIGBUS},     {"FPE", SIGFPE},   {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},   {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM},
    {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},   {"SYS", SIGSYS}};

// "RTMIN+3", "RTMAX-1": docker counts them as the C library does, from 34.
std::optional<int> real_time_signal(std::string_view name) {
  const bool is_from_below = name.starts_with("RTMIN");
  if (!is_from_below && !name.starts_with("RTMAX")) return std::nullopt;
  name.remove_prefix(5);
  int distance = 0;
  if (!name.empty()) {
    if (name.front() != (is_from_below ? '+' : '-')) return std::nullopt;
    const auto [end, problem] = std::from_chars(name.data() + 1, name.data() + name.size(), distance);
    if (problem != std::errc() || end != name.data() + name.size()) return std::nullopt;
  }
  if (distance < 0 || distance > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return is_from_below ? SIGRTMIN + distance : SIGRTMAX - distance;
}

}  // namespace

std::vector<std::string_view> signal_names() {
  std::vector<std::string_view> names;
  for (const auto& signal : signals) names.push_back(signal.name);
  return names;
}

int parse_signal(const std::string& text) {
  std::string name = text;
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);
  const auto* found = std::ranges::find(signals, name, &Signal::name);
  if (found != std::end(signals)) return found->number;
  if (const auto real_time = real_time_signal(name)) return *real_time;
  int number = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = problem == std::errc() && end == name.data() + name.size();
  if (is_number && number >= 1 && number <= 64) return number;
  throw Error(ErrorKind::invalid, format("invalid signal: {}", text));
}

}  // namespace tare::sys
