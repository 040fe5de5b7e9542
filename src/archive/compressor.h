// A tar on its way out, compressed, and both digests taken on the way: of the tar, which names the layer, and
// of the bytes that are written, which name the blob (image-spec, descriptor.md).
#pragma once

#include <memory>
#include <string_view>

#include "archive/compression.h"

namespace tare::archive {

/// Writes to a descriptor what it is given.
///
/// The same tar gives the same bytes (in gzip's header there is no name and no time), but for other versions
/// of the libraries, and gzip on a processor with other vector instructions (ISA-L): the tar's digest is the
/// one to compare.
class Compressor {
 public:
  /// Compression::none, gzip or zstd; throws Error{unsupported} for others. `output` must outlive it.
  Compressor(sys::Fd output, Compression compression);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  void write(std::string_view tar);

  struct Result {
    oci::Digest tar, blob;
    Bytes tar_bytes = 0, blob_bytes = 0;
  };
  /// Ends it; to be called once.
  Result finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tare::archive
