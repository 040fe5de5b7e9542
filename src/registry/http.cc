#include "registry/http.h"

#include <algorithm>
#include <curl/curl.h>

#include "base/error.h"
#include "registry/tries.h"

namespace tare::registry {
namespace {

constexpr auto longest_wait = std::chrono::seconds(60);

// poll(2)'s words and libcurl's.
short to_curl(short events) {
  return static_cast<short>((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                            (events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
                            (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

}  // namespace

Http::Http(Patience patience, Watch watch) : patience_(patience), watch_(std::move(watch)), multi_(nullptr) {
  static const CURLcode readiness = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (readiness == CURLE_OK) multi_ = ::curl_multi_init();
  if (!multi_) throw Error(ErrorKind::system, "libcurl does not start");
}

Http::~Http() { ::curl_multi_cleanup(multi_); }

// Whether one has ended.
bool Http::collect() {
  int running = 0, left = 0;
  if (const CURLMcode code = ::curl_multi_perform(multi_, &running); code != CURLM_OK)
    throw Error(ErrorKind::system, std::string("libcurl: ") + ::curl_multi_strerror(code));
  bool has_ended = false;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* transfer = nullptr;
    const CURLcode code = message->data.result;
    ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    reinterpret_cast<Transfer*>(transfer)->finish(code);
    has_ended = true;
  }
  return has_ended;
}

void Http::wait(Clock::time_point until) {
  std::vector<pollfd> others;
  if (watch_.wish) watch_.wish(others);
  const std::size_t watched = others.size();
  std::vector<Transfer*> paused;
  for (Transfer* transfer : transfers_)
    if (transfer->is_paused_) {
      paused.push_back(transfer);
      others.push_back({.fd = transfer->request_.room.number(), .events = POLLOUT, .revents = 0});
    }
  std::vector<curl_waitfd> waited;
  for (const pollfd& one : others)
    waited.push_back({.fd = one.fd, .events = to_curl(one.events), .revents = 0});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::clamp<Clock::duration>(until - Clock::now(), Clock::duration::zero(), longest_wait));
  const CURLMcode code = ::curl_multi_poll(multi_, waited.data(), static_cast<unsigned>(waited.size()),
                                           static_cast<int>(left.count()), nullptr);
  if (code != CURLM_OK)
    throw Error(ErrorKind::system, std::string("libcurl: ") + ::curl_multi_strerror(code));
  // libcurl says nothing of POLLERR and POLLHUP: nobody reads a full pipe any more.
  ::poll(others.data(), others.size(), 0);
  for (std::size_t i = 0; i < paused.size(); i++)
    if (others[watched + i].revents != 0) paused[i]->resume();
  if (!watch_.see) return;
  is_interrupted_ = true;
  watch_.see(std::span(others).first(watched));
  is_interrupted_ = false;
}

void Http::pump(Clock::time_point until) {
  if (!collect()) {
    wait(until);
    collect();
  }
}

Response Http::perform(Request request) {
  Transfer transfer(*this, std::move(request));
  while (!transfer.is_done()) pump(Clock::time_point::max());
  return std::move(transfer.response());
}

void Http::sleep_until(Clock::time_point time) {
  while (Clock::now() < time) pump(time);
}

Response Http::perform_patiently(const Request& request) {
  for (Tries tries(patience_);;) {
    Response response = perform(request);
    const auto pause = is_temporary(response) ? tries.next_pause(response) : std::nullopt;
    if (!pause) return response;
    sleep_until(Clock::now() + *pause);
  }
}

}  // namespace tare::registry
