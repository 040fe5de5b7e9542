// Compressed tar streams: what compresses them is told by their first bytes, never by a file's name; and both
// digests, of the bytes as they came and of the tar inside, are taken on the way.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/types.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace tare::archive {

enum class Compression { none, gzip, bzip2, xz, zstd };

/// "gzip"; "tar" for none.
std::string_view name_of(Compression compression);

/// `head` is the first bytes of the stream, ten or more where there are as many.
Compression recognise(std::string_view head);

/// "a zip archive": what `head` is the beginning of, where it is a well-known thing that is not a tar;
/// else empty.
std::string_view recognise_foreign(std::string_view head);

/// SHA-256 in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  /// Ends it; to be called once.
  oci::Digest digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Told after every read how many bytes of the source there were so far.
using OnRead = std::function<void(Bytes raw_bytes)>;

oci::Digest digest_of(std::string_view text);
/// The digest of all that `source` gives from where it stands.
oci::Digest digest_of(sys::Fd source, const OnRead& on_read = {});

/// Reads a tar stream from a descriptor through whatever compresses it.
///
/// Several members one after the other (pigz, `cat a.gz b.gz`, pzstd) are one stream; zeros after the last
/// one are padding, as tar pads. Anything else there, damaged data, and data that ends in the middle of a
/// member throw Error{invalid}.
class TarStream {
 public:
  /// Reads the first bytes. `source` must outlive the stream.
  explicit TarStream(sys::Fd source, OnRead on_read = {});
  ~TarStream();
  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;

  /// The next piece of the tar, valid until the next call; empty at the end.
  std::string_view read();

  Compression compression() const;
  /// The stream's first bytes as they came.
  std::string_view head() const;
  Bytes raw_bytes() const;
  Bytes tar_bytes() const;

  /// Of the whole streams: both may be called once read() has returned empty.
  oci::Digest raw_digest();
  oci::Digest tar_digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tare::archive
