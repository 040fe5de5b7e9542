#include <algorithm>
#include <cerrno>
#include <curl/curl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "registry/http.h"
#include "sys/file.h"

namespace tare::registry {
namespace {

constexpr std::size_t most_headers = 1 << 18, largest_refusal = 1 << 16, largest_pem = 4 << 20;
constexpr long receive_buffer = 256 << 10;

Failure kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return Failure::none;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return Failure::unreachable;
    case CURLE_SSL_CONNECT_ERROR: return Failure::no_tls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR: return Failure::untrusted;
    case CURLE_OPERATION_TIMEDOUT: return Failure::stalled;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_OUT_OF_MEMORY: return Failure::local;
    default: return Failure::broken;
  }
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n").contains(text.back())) text.remove_suffix(1);
  return text;
}

// What is believed: the files, and what the system has in one file. What it has in a directory libcurl looks
// up in any case.
std::string authorities(const Trust& trust) {
  std::string all;
  if (const char* system = ::curl_version_info(CURLVERSION_NOW)->cainfo)
    all = sys::try_read_file(sys::here, system, largest_pem).value_or("");
  for (const HostPath& file : trust.authorities)
    all += "\n" + sys::read_file(sys::here, file.value, largest_pem);
  return all;
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (::curl_easy_setopt(easy, option, value) != CURLE_OK)
    throw Error(ErrorKind::unsupported, format("libcurl does not know option {}", static_cast<int>(option)));
}

}  // namespace

struct Transfer::Handles {
  CURL* easy = ::curl_easy_init();
  curl_slist* headers = nullptr;
  char words[CURL_ERROR_SIZE] = "";

  ~Handles() {
    ::curl_easy_cleanup(easy);
    ::curl_slist_free_all(headers);
  }
};

template <auto Member>
std::size_t Transfer::call(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  auto& self = *static_cast<Transfer*>(transfer);
  try {
    if constexpr (requires { (self.*Member)(bytes, size * count); })
      return (self.*Member)(bytes, size * count);
    else
      return (self.*Member)(std::string_view(bytes, size * count));
  } catch (...) {
    // No exception goes through a library in C. CURL_READFUNC_ABORT is no length of what was written either.
    self.thrown_ = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

Transfer::Transfer(Http& http, Request request)
    : http_(http), request_(std::move(request)), handles_(std::make_unique<Handles>()) {
  if (!handles_->easy) throw Error(ErrorKind::system, "libcurl does not start");
  response_.url = request_.url;
  set_up();
  http_.transfers_.push_back(this);
  ::curl_multi_add_handle(http_.multi_, handles_->easy);
}

Transfer::~Transfer() {
  ::curl_multi_remove_handle(http_.multi_, handles_->easy);
  std::erase(http_.transfers_, this);
}

void Transfer::set_up() {
  CURL* const easy = handles_->easy;
  const Patience& patience = http_.patience_;
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(this));
  set(easy, CURLOPT_ERRORBUFFER, handles_->words);
  set(easy, CURLOPT_URL, request_.url.text.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // A connection of its own for each: of HTTP/2's streams one that is paused may hold up the others.
  set(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_USERAGENT, "tare/" TARE_VERSION);
  set(easy, CURLOPT_BUFFERSIZE, receive_buffer);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(patience.connect.count()));
  set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.stall.value_or(patience.stall).count()));
  if (is_loopback(request_.url.domain)) set(easy, CURLOPT_NOPROXY, "*");
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::call<&Transfer::take_header>);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::call<&Transfer::take_body>);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(this));
  for (const std::string& header : request_.headers)
    handles_->headers = ::curl_slist_append(handles_->headers, header.c_str());
  set(easy, CURLOPT_HTTPHEADER, handles_->headers);
  set_up_body();
  set_up_trust();
}

void Transfer::set_up_body() {
  CURL* const easy = handles_->easy;
  switch (request_.method) {
    case Method::get: return;
    case Method::head: set(easy, CURLOPT_NOBODY, 1L); return;
    case Method::post:
      set(easy, CURLOPT_POST, 1L);
      set(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
      set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      return;
    case Method::put: break;
  }
  set(easy, CURLOPT_UPLOAD, 1L);
  set(easy, CURLOPT_READFUNCTION, &Transfer::call<&Transfer::give_body>);
  set(easy, CURLOPT_READDATA, static_cast<void*>(this));
  set(easy, CURLOPT_INFILESIZE_LARGE,
      static_cast<curl_off_t>(request_.file ? request_.file->size
                                            : static_cast<Bytes>(request_.body.size())));
}

void Transfer::set_up_trust() {
  CURL* const easy = handles_->easy;
  const Trust& trust = request_.trust;
  if (!trust.is_verified) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request_.url.scheme != "https") return;
  if (!trust.authorities.empty()) {
    std::string all = authorities(trust);
    curl_blob blob{.data = all.data(), .len = all.size(), .flags = CURL_BLOB_COPY};
    set(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!trust.certificate.empty()) {
    set(easy, CURLOPT_SSLCERT, trust.certificate.c_str());
    set(easy, CURLOPT_SSLKEY, trust.key.c_str());
  }
}

std::size_t Transfer::take_header(std::string_view line) {
  // Another answer begins: that of a proxy, or 100 Continue, was before.
  if (line.starts_with("HTTP/")) response_.headers.clear();
  std::size_t all = line.size();
  for (const auto& [name, value] : response_.headers) all += name.size() + value.size();
  if (all > most_headers) throw Error(ErrorKind::invalid, "the headers of the answer are too long");
  const auto colon = line.find(':');
  if (colon == line.npos) return line.size();
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  response_.headers.emplace_back(std::move(name), without_blanks(line.substr(colon + 1)));
  return line.size();
}

std::size_t Transfer::take_body(std::string_view bytes) {
  if (response_.status == 0) {
    long status = 0;
    ::curl_easy_getinfo(handles_->easy, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
  }
  const bool is_good = response_.status >= 200 && response_.status < 300;
  if (is_good && request_.receive) {
    // What was paused comes again from its beginning, and there may be more of it.
    const std::string_view fresh = bytes.substr(already_taken_);
    const std::size_t taken = request_.receive(response_, fresh);
    if (taken == fresh.size()) {
      already_taken_ = 0;
      return bytes.size();
    }
    if (!request_.room.valid())
      throw Error(ErrorKind::system, "bytes are not taken, and nothing says when they will be");
    already_taken_ += taken;
    is_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  const std::size_t most = is_good ? static_cast<std::size_t>(request_.most) : largest_refusal;
  const std::size_t room = most - response_.body.size();
  response_.body += bytes.substr(0, room);
  if (bytes.size() <= room) return bytes.size();
  // Of a refusal the beginning says it all.
  if (is_good) response_.failure = Failure::too_large;
  return is_good ? 0 : bytes.size();
}

std::size_t Transfer::give_body(char* to, std::size_t most) {
  if (!request_.file) {
    const std::string_view part =
        std::string_view(request_.body).substr(static_cast<std::size_t>(sent_), most);
    std::ranges::copy(part, to);
    sent_ += static_cast<Bytes>(part.size());
    return part.size();
  }
  const auto wanted = std::min(static_cast<Bytes>(most), request_.file->size - sent_);
  ssize_t count = 0;
  do count = ::pread(request_.file->file.number(), to, static_cast<std::size_t>(wanted), sent_);
  while (count < 0 && errno == EINTR);
  if (count < 0) throw system_error("cannot read what is to be sent");
  if (count == 0 && wanted > 0) throw Error(ErrorKind::invalid, "the file that is sent got shorter");
  sent_ += count;
  if (request_.file->report) request_.file->report(sent_);
  return static_cast<std::size_t>(count);
}

// take_body() may be called in it, and pause once more.
void Transfer::resume() {
  is_paused_ = false;
  ::curl_easy_pause(handles_->easy, CURLPAUSE_CONT);
}

void Transfer::finish(int code) {
  CURL* const easy = handles_->easy;
  long status = 0, error_number = 0;
  curl_off_t retry_after = 0;
  ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error_number);
  ::curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  response_.status = static_cast<int>(status);
  if (retry_after > 0) response_.retry_after = std::chrono::seconds(retry_after);
  if (response_.failure == Failure::none) response_.failure = kind_of(static_cast<CURLcode>(code));
  if (response_.failure != Failure::none) {
    response_.words = *handles_->words ? handles_->words : ::curl_easy_strerror(static_cast<CURLcode>(code));
    // OpenSSL's words for what is no TLS at all; all else that goes wrong so early may go better later.
    const bool is_other = response_.words.contains("wrong version number") ||
                          response_.words.contains("packet length too long") ||
                          response_.words.contains("unknown protocol") || response_.words.contains("alert");
    if (response_.failure == Failure::no_tls && !is_other) response_.failure = Failure::cut_off;
    if (response_.failure == Failure::unreachable) response_.error_number = static_cast<int>(error_number);
  }
  is_done_ = true;
  is_paused_ = false;
}

Response& Transfer::response() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  return response_;
}

std::string_view Response::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

std::string Response::joined_header(std::string_view name) const {
  std::string all;
  for (const auto& [known, value] : headers)
    if (known == name) all += (all.empty() ? "" : ", ") + value;
  return all;
}

}  // namespace tare::registry
