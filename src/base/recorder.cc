#include "base/recorder.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <new>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"

namespace tare::recorder {
namespace {

// One behind the other; `size` is there before the rest, `is_written` after it: whoever is killed in between
// leaves a gap, not an end.
struct Head {
  std::atomic<std::uint32_t> size;
  std::atomic<bool> is_written;
  Event::Kind kind;
  Lane lane;
  bool waits;
  std::int64_t at, until;
  std::uint32_t text_size, result_size;
};

struct Shared {
  std::atomic<std::uint32_t> used;
  std::atomic<bool> is_full;
};

constexpr std::uint32_t capacity = 16 << 20;
constexpr std::uint32_t first = 64;
constexpr std::uint32_t kept_for_operations = 1 << 20;  // calls may be any number
constexpr std::uint32_t longest_text = 4096;

char* memory = nullptr;
Lane lane = Lane::tare;
int relays = 0;

Shared& shared() { return *std::launder(reinterpret_cast<Shared*>(memory)); }
Head& head_at(std::uint32_t at) { return *std::launder(reinterpret_cast<Head*>(memory + at)); }

std::uint32_t shortened(std::string_view text) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), longest_text));
}

}  // namespace

void switch_on() {
  // What is not used is not there: the kernel gives a page when it is written to.
  void* mapped =
      ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw system_error("cannot make the memory for a trace");
  memory = static_cast<char*>(mapped);
  shared().used = first;
  enter(Lane::tare);
}

bool is_on() noexcept { return memory != nullptr; }

void switch_off() noexcept {
  if (char* const mapped = std::exchange(memory, nullptr)) ::munmap(mapped, capacity);
}

std::int64_t now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

void add(const Event& event) noexcept {
  if (!is_on()) return;
  if (event.kind == Event::Kind::call && shared().used > capacity - kept_for_operations) {
    shared().is_full = true;
    return;
  }
  const std::uint32_t text_size = shortened(event.text), result_size = shortened(event.result);
  const std::uint32_t size = (sizeof(Head) + text_size + result_size + 7) & ~7U;
  const std::uint32_t at = shared().used.fetch_add(size);
  if (at > capacity - size) {
    shared().used = capacity;
    shared().is_full = true;
    return;
  }
  Head& head = head_at(at);
  head.size = size;
  head.kind = event.kind;
  head.lane = event.lane;
  head.waits = event.waits;
  head.at = event.at;
  head.until = event.until;
  head.text_size = text_size;
  head.result_size = result_size;
  char* texts = memory + at + sizeof(Head);
  event.text.copy(texts, text_size);
  event.result.copy(texts + text_size, result_size);
  head.is_written = true;
}

std::vector<Recorded> recorded() {
  std::vector<Recorded> events;
  const std::uint32_t end = is_on() ? std::min(shared().used.load(), capacity) : first;
  for (std::uint32_t at = first; at + sizeof(Head) <= end;) {
    const Head& head = head_at(at);
    if (head.size == 0) {
      at += 8;
      continue;
    }
    if (head.is_written) {
      const char* texts = memory + at + sizeof(Head);
      events.push_back({.event = {.kind = head.kind,
                                  .lane = head.lane,
                                  .waits = head.waits,
                                  .at = head.at,
                                  .until = head.until},
                        .text = std::string(texts, head.text_size),
                        .result = std::string(texts + head.text_size, head.result_size)});
    }
    at += head.size;
  }
  return events;
}

bool is_full() noexcept { return is_on() && shared().is_full; }

void enter(Lane own) noexcept {
  lane = own;
  if (!is_on()) return;
  char* const mapped = std::exchange(memory, nullptr);  // this call is the recorder's own
  const pid_t pid = ::getpid();
  memory = mapped;
  add({.kind = Event::Kind::process, .lane = own, .at = pid});
}

Lane own_lane() noexcept { return lane; }

void Span::begin(std::string_view verb, std::string_view object) noexcept {
  char words[512];
  const std::size_t verb_size = std::min<std::size_t>(verb.size(), 128);
  const std::size_t object_size = std::min(object.size(), sizeof words - verb_size - 1);
  verb.copy(words, verb_size);
  words[verb_size] = ' ';
  object.copy(words + verb_size + 1, object_size);
  const std::size_t size = verb_size + (object.empty() ? 0 : 1 + object_size);
  if (kind_ == Kind::relay) relays++;
  add({.kind = Event::Kind::begin,
       .lane = lane,
       .waits = kind_ != Kind::work,
       .at = now(),
       .text = std::string_view(words, size)});
}

void Span::end() noexcept {
  if (kind_ == Kind::relay) relays--;
  add({.kind = Event::Kind::end, .lane = lane, .at = now()});
}

bool hides_bytes() noexcept { return relays > 0; }

}  // namespace tare::recorder
