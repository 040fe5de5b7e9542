#include "registry/exchange.h"

#include "base/error.h"
#include "base/format.h"
#include "registry/printable.h"

namespace tare::registry {
namespace {

constexpr int most_redirects = 10;
constexpr Bytes counts_as_progress = Bytes{1} << 20;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool cannot_be_asked(Failure failure) {
  return failure == Failure::unreachable || failure == Failure::no_tls || failure == Failure::untrusted ||
         failure == Failure::local;
}

// The server's URL without TLS.
std::string base_of(const Server& server) {
  constexpr std::string_view secure = "https://";
  if (!server.is_plain || !server.endpoint.url.starts_with(secure)) return server.endpoint.url;
  return "http://" + server.endpoint.url.substr(secure.size());
}

Url url_of(const Server& server, const std::string& target) {
  const auto url = try_parse_url(target.starts_with('/') ? base_of(server) + target : target);
  if (!url) throw Error(ErrorKind::invalid, format("{} is no URL", printable(target)));
  return *url;
}

}  // namespace

Exchange::Exchange(Http& http, const Hosts& hosts, Servers& servers, Call call)
    : http_(http), hosts_(hosts), servers_(servers), call_(std::move(call)), tries_(http.patience()) {
  choose_first();
}

void Exchange::choose_first() {
  server_ = &servers_.back();
  if (call_.asked == Asked::registry_alone) return;
  for (Server& server : servers_)
    if (!server.is_dead) {
      server_ = &server;
      return;
    }
}

bool Exchange::try_next_server() {
  if (!server_->endpoint.is_mirror) return false;
  bool is_behind = false;
  for (Server& server : servers_) {
    if (is_behind && !server.is_dead) {
      server_ = &server;
      tries_.start_over();
      begin_anew();
      return true;
    }
    is_behind |= &server == server_;
  }
  return false;
}

// Redirects are asked for again: where they lead to may have expired.
void Exchange::begin_anew() {
  redirect_.reset();
  redirects_ = 0;
  has_learned_ = false;
}

void Exchange::start() {
  const Url own = url_of(*server_, call_.target);
  const Url& url = redirect_ ? *redirect_ : own;
  Request request{.method = call_.method,
                  .url = url,
                  .headers = call_.headers,
                  .body = call_.body,
                  .file = call_.file,
                  .most = call_.most,
                  .receive = call_.receive,
                  .room = call_.room,
                  .stall = call_.stall};
  // Whoever the server refers to gets neither credentials nor a certificate that is meant for the server.
  if (url.origin() == url_of(*server_, "/").origin()) {
    request.trust = server_->endpoint.trust;
    if (const std::string header = server_->authorization.header(call_.scope); !header.empty())
      request.headers.push_back(header);
  } else {
    request.trust = hosts_.trust(url.domain);
  }
  position_ = call_.position ? call_.position() : 0;
  if (position_ > 0) request.headers.push_back(format("Range: bytes={}-", position_));
  transfer_ = std::make_unique<Transfer>(http_, std::move(request));
}

bool Exchange::advance() {
  if (transfer_) {
    if (!transfer_->is_done()) return false;
    const auto transfer = std::exchange(transfer_, {});
    try {
      response_ = std::move(transfer->response());
      if (judge()) return true;
    } catch (const Error&) {
      // What is wrong with a mirror is no reason to ask nobody else.
      if (http_.is_interrupted() || !try_next_server()) throw;
    }
  }
  if (Clock::now() < pause_end_) return false;
  pause_end_ = Clock::time_point::max();
  start();
  return false;
}

// False: it is to be started (again).
bool Exchange::judge() {
  pause_end_ = Clock::time_point::min();
  Server& server = *server_;
  const bool is_own = response_.url.origin() == url_of(server, "/").origin();
  if (response_.is_success() && call_.is_whole && !call_.is_whole()) {
    response_.failure = Failure::broken;
    response_.words = "the answer is too short";
  }
  if (response_.is_success()) return true;
  const bool has_no_tls = response_.failure == Failure::no_tls || response_.failure == Failure::cut_off ||
                          response_.failure == Failure::unreachable;
  if (has_no_tls && is_own && server.endpoint.may_be_plain && !server.is_plain) {
    // What is said of a server that cannot be reached at all, it says of its first try: both are the same.
    server.is_plain = true;
    begin_anew();
    return false;
  }
  if (response_.failure == Failure::none && is_redirect(response_.status) &&
      (call_.method == Method::get || call_.method == Method::head))
    return follow();
  if (response_.failure == Failure::none && response_.status == 401 && is_own && !has_learned_ &&
      server.authorization.learn(response_, call_.scope)) {
    has_learned_ = true;
    return false;
  }
  if (is_temporary(response_) && call_.may_be_repeated) {
    const bool has_come_further = call_.position && call_.position() - position_ >= counts_as_progress;
    if (has_come_further) tries_.start_over();
    if (const auto pause = tries_.next_pause(response_)) {
      pause_end_ = Clock::now() + *pause;
      begin_anew();
      return false;
    }
  }
  if (server.endpoint.is_mirror && cannot_be_asked(response_.failure) && is_own) server.is_dead = true;
  return !try_next_server();
}

bool Exchange::follow() {
  const auto to = try_resolve(response_.url, response_.header("location"));
  if (!to)
    throw Error(ErrorKind::system, format("{} redirects to {}, which is no URL", response_.url.domain,
                                          printable(response_.header("location"), 100)));
  if (response_.url.scheme == "https" && to->scheme != "https")
    throw Error(ErrorKind::system,
                format("{} redirects to {} without TLS", response_.url.domain, to->domain));
  if (++redirects_ > most_redirects)
    throw Error(ErrorKind::system, format("{} redirects again and again", server_->endpoint.domain));
  redirect_ = to;
  has_learned_ = false;
  return false;
}

bool Exchange::abandon_mirror() const {
  if (server_->endpoint.is_mirror) server_->is_dead = true;
  return server_->endpoint.is_mirror;
}

void complete(Http& http, Exchange& exchange) {
  while (!exchange.advance()) http.pump(exchange.due());
}

}  // namespace tare::registry
