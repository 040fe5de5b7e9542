#include "registry/download.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <unistd.h>
#include <vector>

#include "archive/compression.h"
#include "base/error.h"
#include "base/format.h"
#include "registry/printable.h"
#include "registry/refusal.h"

namespace tare::registry {
namespace {

constexpr std::size_t piece_size = 256 << 10;

std::optional<Bytes> number_in(std::string_view text) {
  Bytes number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0)
    return std::nullopt;
  return number;
}

struct ContentRange {
  Bytes first = 0;
  std::optional<Bytes> total;
};
// RFC 9110, 14.4: "bytes 10-99/100".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  const auto dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with(unit) || dash == text.npos || slash == text.npos) return std::nullopt;
  const auto first = number_in(text.substr(unit.size(), dash - unit.size()));
  if (!first) return std::nullopt;
  return ContentRange{.first = *first, .total = number_in(text.substr(slash + 1))};
}

class Download {
 public:
  Download(Http& http, const Hosts& hosts, Servers& servers, const Repository& repository, const Fetch& fetch)
      : http_(http), hosts_(hosts), servers_(servers), repository_(repository), fetch_(fetch) {
    hash_beginning();
  }

  bool advance() {
    if (position_ < fetch_.size && !exchange_) start();
    if (exchange_ && !exchange_->advance()) return false;
    if (exchange_ && !exchange_->response().is_success()) refuse();
    verify();
    return true;
  }
  Clock::time_point due() const { return exchange_ ? exchange_->due() : Clock::time_point::max(); }

 private:
  std::string name() const { return format("blob {} of {}", fetch_.digest.value, repository_.shown); }

  void hash_beginning() {
    std::string buffer(piece_size, '\0');
    while (position_ < fetch_.offset) {
      const auto wanted = std::min(static_cast<Bytes>(buffer.size()), fetch_.offset - position_);
      const ssize_t count =
          ::pread(fetch_.beginning.number(), buffer.data(), static_cast<std::size_t>(wanted), position_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw system_error(format("cannot read the beginning of {}", name()));
      if (count == 0) throw Error(ErrorKind::invalid, format("the beginning of {} is too short", name()));
      hash_.add(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
      position_ += count;
    }
  }

  void start() {
    exchange_ = std::make_unique<Exchange>(
        http_, hosts_, servers_,
        Call{.target = format("/v2/{}/blobs/{}", repository_.path, fetch_.digest.value),
             .scope = repository_.scope,
             .headers = {"Accept: application/octet-stream, */*"},
             .receive = [this](const Response& head, std::string_view bytes) { return receive(head, bytes); },
             .room = fetch_.room,
             .position =
                 [this] {
                   is_at_start_ = true;
                   return position_;
                 },
             .is_whole = [this] { return position_ >= fetch_.size; }});
  }

  // A server need not heed a Range: then all comes from the beginning once more.
  void begin_answer(const Response& head) {
    is_at_start_ = false;
    surplus_ = position_;
    std::optional<Bytes> total = number_in(head.header("content-length"));
    if (head.status == 206) {
      const auto range = parse_content_range(head.header("content-range"));
      if (!range || range->first > position_)
        throw Error(ErrorKind::invalid,
                    format("{}: the server {} sends another part than it was asked for ({})", name(),
                           head.url.domain, printable(head.header("content-range"), 60)));
      surplus_ = position_ - range->first;
      total = range->total;
    }
    if (total && *total != fetch_.size)
      throw Error(ErrorKind::invalid, format("{}: {} sends {} bytes in place of {}", name(), head.url.domain,
                                             *total, fetch_.size));
  }

  std::size_t receive(const Response& head, std::string_view bytes) {
    if (is_at_start_) begin_answer(head);
    const auto skipped = std::min(static_cast<Bytes>(bytes.size()), surplus_);
    surplus_ -= skipped;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
    if (static_cast<Bytes>(bytes.size()) > fetch_.size - position_)
      throw Error(ErrorKind::invalid,
                  format("{}: {} sends more than its {} bytes", name(), head.url.domain, fetch_.size));
    const std::size_t taken = bytes.empty() ? 0 : fetch_.take(bytes);
    hash_.add(bytes.substr(0, taken));
    position_ += static_cast<Bytes>(taken);
    if (fetch_.report && taken > 0) fetch_.report(position_);
    return static_cast<std::size_t>(skipped) + taken;
  }

  [[noreturn]] void refuse() const {
    registry::refuse(exchange_->response(),
                     Attempt{.verb = "pull", .object = name(), .repository = repository_.shown},
                     exchange_->server().endpoint.domain);
  }

  void verify() {
    const oci::Digest found = hash_.digest();
    if (found != fetch_.digest)
      throw Error(ErrorKind::invalid,
                  format("{}: what was sent has another digest: {}", name(), found.value));
    if (fetch_.done) fetch_.done();
  }

  Http& http_;
  const Hosts& hosts_;
  Servers& servers_;
  const Repository& repository_;
  const Fetch& fetch_;
  archive::Sha256 hash_;
  Bytes position_ = 0;
  Bytes surplus_ = 0;         // what this answer repeats of what is there
  bool is_at_start_ = false;  // of an answer
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace

void download(Http& http, const Hosts& hosts, Servers& servers, const Repository& repository,
              std::span<const Fetch> blobs, int at_once) {
  std::vector<std::unique_ptr<Download>> running;
  std::size_t next = 0;
  while (next < blobs.size() || !running.empty()) {
    while (next < blobs.size() && running.size() < static_cast<std::size_t>(std::max(at_once, 1)))
      running.push_back(std::make_unique<Download>(http, hosts, servers, repository, blobs[next++]));
    if (std::erase_if(running, [](const auto& one) { return one->advance(); }) > 0) continue;
    auto due = Clock::time_point::max();
    for (const auto& one : running) due = std::min(due, one->due());
    http.pump(due);
  }
}

}  // namespace tare::registry
