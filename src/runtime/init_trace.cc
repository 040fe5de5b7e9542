#include "runtime/init_trace.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

#include "base/recorder.h"
#include "base/recorder_call.h"
#include "plan/print.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

using plan::Kind;
using recorder::Event;

constexpr std::uint32_t record_count = 4000;

// The memory file with the list, as it was when init was done with it. Init wrote to it: nothing of it is
// believed.
class ListMemory final : public recorder::Memory {
 public:
  explicit ListMemory(sys::Fd list) {
    struct stat status{};
    if (::fstat(list.number(), &status) != 0) return;
    bytes_.resize(static_cast<std::size_t>(status.st_size));
    const ssize_t size = ::pread(list.number(), bytes_.data(), bytes_.size(), 0);
    bytes_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  }

  std::string_view read(std::uint64_t address, std::size_t size) const noexcept override {
    const std::uint64_t at = address - plan::list_address;
    return at < bytes_.size() ? std::string_view(bytes_).substr(at, size) : std::string_view();
  }

  template <typename T>
  std::optional<T> at(const T* place) const {
    const std::string_view bytes = read(reinterpret_cast<std::uint64_t>(place), sizeof(T));
    if (bytes.size() != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

 private:
  std::string bytes_;
};

// What follows it says more of the same operation: a command's environment.
std::string first_line(const std::string& words) { return words.substr(0, words.find('\n')); }

bool is_wait(const plan::Entry& entry) {
  return entry.kind == Kind::synchronise || entry.kind == Kind::await_start;
}

}  // namespace

std::uint32_t InitTrace::capacity() noexcept { return recorder::is_on() ? record_count : 0; }

InitTrace::InitTrace() noexcept
    : ticks_(recorder::is_on() ? plan::ticks() : 0), time_(recorder::is_on() ? recorder::now() : 0) {}

void InitTrace::add_to_trace(const plan::Program& program, sys::Fd list, pid_t pid,
                             std::int64_t until) const {
  if (!recorder::is_on()) return;
  const ListMemory memory(list);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): where the list is, in init
  const auto head = memory.at(reinterpret_cast<const plan::List*>(plan::list_address));
  const auto records = head ? memory.at(head->trace) : std::nullopt;
  if (!records) return;

  const std::uint64_t ticks = plan::ticks();
  const std::int64_t time = recorder::now();
  const auto nanoseconds_per_tick =
      static_cast<double>(time - time_) / static_cast<double>(std::max<std::uint64_t>(ticks - ticks_, 1));
  const auto time_of = [&](std::uint64_t tick) {
    if (tick == 0) return until;
    const auto since = static_cast<double>(static_cast<std::int64_t>(tick - ticks_));
    return std::clamp(time_ + static_cast<std::int64_t>(since * nanoseconds_per_tick), time_, until);
  };

  recorder::add({.kind = Event::Kind::process, .lane = recorder::Lane::init, .at = pid});
  std::int64_t end = 0;
  std::uint32_t operation = 0;
  const auto end_operation = [&] {
    if (end != 0) recorder::add({.kind = Event::Kind::end, .lane = recorder::Lane::init, .at = end});
  };
  for (std::uint32_t i = 0; i < std::min({records->used, records->capacity, record_count}); i++) {
    const auto record = memory.at(reinterpret_cast<const plan::TraceRecord*>(head->trace + 1) + i);
    if (!record) break;
    const bool is_known = record->operation < program.entries.size();
    if (record->call == plan::whole_operation) {
      end_operation();
      operation = record->operation;
      end = time_of(record->end);
      const plan::Entry* entry = is_known ? &program.entries[record->operation] : nullptr;
      recorder::add(
          {.kind = Event::Kind::begin,
           .lane = recorder::Lane::init,
           .waits = entry && is_wait(*entry),
           .at = time_of(record->begin),
           .text = entry ? first_line(plan::words(program, *entry)) : "map the list of operations"});
      continue;
    }
    // Of a process that stayed behind, such as the supervising one.
    if (record->operation != operation || time_of(record->end) > end) continue;
    recorder::Call call{.kind = recorder::call_kind(static_cast<long>(record->call)),
                        .number = record->call,
                        .result = record->result,
                        .begin = time_of(record->begin),
                        .end = time_of(record->end)};
    std::ranges::copy(record->arguments, call.arguments.begin());
    recorder::add_call(recorder::Lane::init, call, memory);
  }
  end_operation();
}

}  // namespace tare::runtime
