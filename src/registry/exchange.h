// One request to a registry, until there is an answer that counts: the server logged in to, mirrors tried,
// redirects followed, what failed tried again.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/authorization.h"
#include "registry/hosts.h"
#include "registry/http.h"
#include "registry/tries.h"

namespace tare::registry {

/// A server, and what was learned of it.
struct Server {
  Endpoint endpoint;
  Authorization authorization;
  bool is_plain = false;  ///< it has no TLS, and need not
  bool is_dead = false;   ///< a mirror that cannot be reached or trusted is not asked again
};
/// Those of one registry, mirrors first; never none.
using Servers = std::deque<Server>;

enum class Asked { mirrors_first, registry_alone };

struct Call {
  Method method = Method::get;
  std::string target;  ///< "/v2/…" below the server's URL, or a whole URL
  Asked asked = Asked::mirrors_first;
  Scope scope = {};
  std::vector<std::string> headers = {};
  std::string body = {};
  std::optional<FileBody> file = std::nullopt;
  Bytes most = Bytes{1} << 20;
  bool may_be_repeated = true;  ///< after a broken connection or a status such as 503
  std::optional<std::chrono::seconds> stall = std::nullopt;
  Receive receive = {};
  sys::Fd room = sys::Fd(-1);
  /// From which byte on an answer is wanted (Range); asked before each try.
  std::function<Bytes()> position = {};
  /// Whether a good answer was whole.
  std::function<bool()> is_whole = {};
};

class Exchange {
 public:
  Exchange(Http& http, const Hosts& hosts, Servers& servers, Call call);

  /// Does what there is to be done; true: it is over. Throws what `receive` throws, what Authorization
  /// throws, and Error{system} about redirects that are not followed.
  bool advance();
  /// When advance() has something to do again, but for what transfers bring.
  Clock::time_point due() const { return pause_end_; }

  /// When it is over: an answer of any kind, and who gave it.
  const Response& response() const { return response_; }
  const Server& server() const { return *server_; }
  /// When the answer was wrong: true if it was a mirror's, which is not asked again.
  bool abandon_mirror() const;

 private:
  void start();
  void choose_first();
  bool try_next_server();
  bool judge();
  bool follow();
  void begin_anew();

  Http& http_;
  const Hosts& hosts_;
  Servers& servers_;
  Call call_;
  Server* server_ = nullptr;
  std::unique_ptr<Transfer> transfer_;
  Response response_;
  std::optional<Url> redirect_;
  int redirects_ = 0;
  bool has_learned_ = false;
  Tries tries_;
  Bytes position_ = 0;
  Clock::time_point pause_end_ = Clock::time_point::min();
};

/// Until it is over, whatever else goes on meanwhile.
void complete(Http& http, Exchange& exchange);

}  // namespace tare::registry
