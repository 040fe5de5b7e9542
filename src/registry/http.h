// HTTP by libcurl: any number of requests at once, in one thread. What it does not do is follow redirects,
// log in or try again: that is registry/exchange.h.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"
#include "registry/hosts.h"
#include "registry/url.h"
#include "sys/unique_fd.h"

namespace tare::registry {

using Clock = std::chrono::steady_clock;

/// What else is waited for while requests are under way: pidfds, a signalfd. `see` gets the descriptors of
/// `wish` after each wait, with what was found; what it throws ends the waiting.
struct Watch {
  std::function<void(std::vector<pollfd>&)> wish;
  std::function<void(std::span<const pollfd>)> see;
};

/// How long is waited for servers.
struct Patience {
  std::chrono::milliseconds connect = std::chrono::seconds(30);
  std::chrono::seconds stall = std::chrono::seconds(30);  ///< without a byte in either direction
  int tries = 5;                                          ///< of a request, all in all
  /// Before the second try, then twice as long each time; a server's Retry-After counts where it is longer.
  std::chrono::milliseconds first_pause = std::chrono::milliseconds(500);
  std::chrono::milliseconds longest_pause = std::chrono::seconds(60);
};

enum class Method { get, head, post, put };

/// A part of a file as what is sent.
struct FileBody {
  sys::Fd file;
  Bytes size = 0;  ///< from the file's beginning on
  std::function<void(Bytes sent)> report = {};
};

struct Response;
/// Takes the body of an answer with a status of 2xx as it comes, and returns how much of it it has taken; the
/// rest comes again when its descriptor can be written. What it throws ends the transfer and is thrown again
/// by Transfer::response().
using Receive = std::function<std::size_t(const Response& head, std::string_view bytes)>;

struct Request {
  Method method = Method::get;
  Url url;
  std::vector<std::string> headers = {};  ///< "Accept: …"
  std::string body = {};
  std::optional<FileBody> file = std::nullopt;  ///< in place of `body`
  Trust trust = {};
  Bytes most = Bytes{1} << 20;  ///< of an answer's body, where it is kept
  Receive receive = {};
  sys::Fd room = sys::Fd(-1);
  std::optional<std::chrono::seconds> stall = std::nullopt;  ///< another one than Patience's
};

/// Why there is no answer, or none that is whole.
enum class Failure {
  none,
  unreachable,  ///< no such host, nobody listens
  no_tls,       ///< it speaks, but no TLS
  cut_off,      ///< the connection ended before TLS stood
  untrusted,    ///< it is not who it should be, or does not want us
  stalled,
  broken,     ///< the connection ended too early
  too_large,  ///< the body is longer than `most`
  local,      ///< something is wrong on this side (a certificate's file)
};

struct Response {
  Failure failure = Failure::none;
  std::string words;                                         ///< libcurl's about the failure
  int error_number = 0;                                      ///< the kernel's about it, or 0
  int status = 0;                                            ///< 0: no answer
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in small letters
  std::string body;
  Url url;
  std::optional<std::chrono::seconds> retry_after = std::nullopt;

  bool is_success() const { return failure == Failure::none && status >= 200 && status < 300; }
  /// The first of that name (in small letters); empty where there is none.
  std::string_view header(std::string_view name) const;
  /// All of that name, with commas between them.
  std::string joined_header(std::string_view name) const;
};

class Http;

/// A request under way; its destructor ends it.
class Transfer {
 public:
  Transfer(Http& http, Request request);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool is_done() const { return is_done_; }
  /// When it is done. Throws what `receive` has thrown.
  Response& response();

 private:
  friend class Http;
  struct Handles;
  void set_up();
  void set_up_body();
  void set_up_trust();
  void resume();
  void finish(int code);
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::string_view bytes);
  std::size_t give_body(char* to, std::size_t most);
  template <auto Member>
  static std::size_t call(char* bytes, std::size_t size, std::size_t count, void* transfer);

  Http& http_;
  Request request_;
  Response response_;
  std::unique_ptr<Handles> handles_;
  std::size_t already_taken_ = 0;  // of what comes again
  Bytes sent_ = 0;
  bool is_paused_ = false, is_done_ = false;
  std::exception_ptr thrown_;
};

class Http {
 public:
  explicit Http(Patience patience = {}, Watch watch = {});
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  const Patience& patience() const { return patience_; }
  /// Moves bytes; returns when something may have changed, at the latest then.
  void pump(Clock::time_point until);
  /// The caller's Watch has thrown: nothing is to be done any more.
  bool is_interrupted() const { return is_interrupted_; }
  Response perform(Request request);
  /// Tries again while that makes sense (registry/tries.h).
  Response perform_patiently(const Request& request);
  void sleep_until(Clock::time_point time);

 private:
  friend class Transfer;
  bool collect();
  void wait(Clock::time_point until);

  Patience patience_;
  Watch watch_;
  void* multi_;
  bool is_interrupted_ = false;
  std::vector<Transfer*> transfers_;
};

}  // namespace tare::registry
