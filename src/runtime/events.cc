#include "runtime/events.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <poll.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/oom_watch.h"
#include "cgroup/statistics.h"
#include "cgroup/usage.h"
#include "runtime/state_dir.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::hours longest_interval{24 * 365 * 100};  // later than the clock can tell
// v1 tells of the want of memory before it has chosen and counted whom it ends.
constexpr std::chrono::seconds alert_time{1};
constexpr std::chrono::milliseconds alert_pause{5};

ContainerState find_living(const HostPath& root, const std::string& id) {
  const StateDirectory directory = StateDirectory::open(root, id);
  auto state = directory.try_read();
  const Status status = directory.status(state);
  if (!state || status == Status::stopped || status == Status::creating)
    throw Error(ErrorKind::conflict, format("container with id {} is not running", id));
  return std::move(*state);
}

json::object to_event(const cgroup::Layout& layout, const ContainerState& state) {
  json::object data = cgroup::read_statistics(layout, state.cgroup);
  data["intel_rdt"].emplace_object();
  data["network_interfaces"] = nullptr;
  return {{"type", "stats"}, {"id", state.id}, {"data", std::move(data)}};
}

timespec time_until(Clock::time_point moment) {
  const auto left = std::max(moment - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

}  // namespace

json::object statistics_event(const HostPath& root, const std::string& id) {
  const ContainerState state = find_living(root, id);
  return to_event(cgroup::read_layout_for(state.cgroup), state);
}

void watch_events(const HostPath& root, const std::string& id, std::chrono::nanoseconds interval,
                  const std::function<void(const json::object& event)>& tell) {
  const ContainerState state = find_living(root, id);
  const cgroup::Layout layout = cgroup::read_layout_for(state.cgroup);
  const sys::UniqueFd process = sys::try_hold(state.pid, state.start_ticks);
  if (!process) throw Error(ErrorKind::conflict, format("container with id {} is not running", id));
  const sys::UniqueFd watch = cgroup::watch_oom(layout, state.cgroup);
  const auto count_kills = [&] { return cgroup::read_usage(layout, state.cgroup).oom_kills.value_or(0); };
  std::uint64_t known_kills = count_kills();
  Clock::time_point next = Clock::now() + std::min<std::chrono::nanoseconds>(interval, longest_interval);
  Clock::time_point alert_until = {};
  sys::EndOfProcess end(process);
  for (bool has_ended = false; !has_ended;) {
    pollfd sources[] = {end.wish(), {.fd = watch.number(), .events = POLLIN, .revents = 0}};
    const Clock::time_point now = Clock::now();
    Clock::time_point until = now < alert_until ? std::min(next, now + alert_pause) : next;
    if (const int patience = end.patience(-1); patience >= 0)
      until = std::min<Clock::time_point>(until, now + std::chrono::milliseconds(patience));
    const timespec wait = time_until(until);
    if (::ppoll(sources, std::size(sources), &wait, nullptr) < 0 && errno != EINTR)
      throw system_error("cannot wait for events");
    has_ended = end.is_there(sources[0].revents);
    if (sources[1].revents != 0) {
      cgroup::drain(watch);
      alert_until = Clock::now() + alert_time;
    }
    // The count is there before the process is gone, but with its cgroup it goes.
    if (const std::uint64_t kills = count_kills(); kills > known_kills) {
      known_kills = kills;
      alert_until = {};
      tell({{"type", "oom"}, {"id", id}});
    }
    if (has_ended || Clock::now() < next) continue;
    tell(to_event(layout, state));
    next = std::max(next + std::min<std::chrono::nanoseconds>(interval, longest_interval), now);
  }
}

}  // namespace tare::runtime
