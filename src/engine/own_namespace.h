// tare for a user who is not root: he becomes root of a user namespace that all his containers share.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "runtime/own_root.h"
#include "state/containers.h"

namespace tare::engine {

/// A caller as subuid(5) knows him.
struct PlainUser {
  std::string name;  ///< may be empty
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Where he is root: 0 is himself, and from 1 on come the ids that the texts of /etc/subuid and /etc/subgid
/// give him. One alone gives him no more than himself. Pure. Throws Error{invalid}.
runtime::OwnIds ids_of(const PlainUser& user, std::string_view subuid, std::string_view subgid);

/// In such a namespace with one id: whether a new one would have more.
bool could_have_more_ids();

/// Where containers are kept that nobody gave a place: for root /var/lib/tare and /run/tare, for others below
/// their home and their runtime directory (XDG Base Directory Specification); without that, /tmp. Throws
/// Error{usage} for a user without a home.
std::string standard_root();
std::string standard_run_root();

/// Enters the namespace, for as long as this object is there and this process lives. The first one makes it;
/// it ends with the last client and the last monitor in it. Does nothing for root. The caller is
/// single-threaded. Throws as runtime::make_own_namespace, and Error{conflict} for a run root that others can
/// write to.
class OwnNamespace {
 public:
  explicit OwnNamespace(const state::Place& place);
  OwnNamespace(const OwnNamespace&) = delete;
  OwnNamespace& operator=(const OwnNamespace&) = delete;
  ~OwnNamespace();

 private:
  static bool try_join(const state::Place& place, sys::Fd members);

  HostPath entry_;  ///< RUN/user-namespace/PID: this process is in it; empty: this one is root
};

}  // namespace tare::engine
