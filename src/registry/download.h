// Blobs on their way from a registry: several at once, each handed on as it comes, taken up again where it
// broke off, and believed only when its digest is right.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "oci/digest.h"
#include "registry/exchange.h"

namespace tare::registry {

/// A blob that is wanted, and who takes it.
struct Fetch {
  oci::Digest digest;
  Bytes size = 0;
  /// So many bytes are there already, at the beginning of this file. They are read and hashed first, and take
  /// part in what is verified.
  Bytes offset = 0;
  sys::Fd beginning = sys::Fd(-1);
  /// Takes bytes in their order, and returns how many it took; the rest comes again when `room` can be
  /// written. They are not verified before `done`.
  std::function<std::size_t(std::string_view bytes)> take;
  sys::Fd room = sys::Fd(-1);
  std::function<void(Bytes position)> report = {};  ///< how far it is, `offset` included
  std::function<void()> done = {};                  ///< all of it was taken, and the digest is right
};

/// What the blobs belong to.
struct Repository {
  std::string path;   ///< "library/busybox"
  std::string shown;  ///< for people: "busybox"
  Scope scope;
};

/// All of them, in their order so many at once. Throws at the first that cannot be had: Error{not_found},
/// Error{invalid} when it is not what its digest and size say, Error{system}, and what `take` throws.
void download(Http& http, const Hosts& hosts, Servers& servers, const Repository& repository,
              std::span<const Fetch> blobs, int at_once);

}  // namespace tare::registry
