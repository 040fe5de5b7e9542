// One decoder per compression, all of one shape: decode() turns input into output until one of them runs out
// or the member ends. Only compression.cc includes this.
#pragma once

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <memory>
#include <span>
#include <variant>
#include <zstd.h>

namespace tare::archive {

using InputBytes = std::span<const unsigned char>;
using OutputBytes = std::span<unsigned char>;

struct Decoded {
  std::size_t consumed = 0, produced = 0;
  bool member_ended = false;
  /// Why the data cannot be decoded; null where it can.
  const char* fault = nullptr;
};

class Gunzip {
 public:
  Gunzip();
  Decoded decode(InputBytes input, OutputBytes output);
  void begin_member();

 private:
  std::unique_ptr<inflate_state> state_;
};

class Bunzip2 {
 public:
  Bunzip2();
  ~Bunzip2();
  Bunzip2(const Bunzip2&) = delete;
  Bunzip2& operator=(const Bunzip2&) = delete;
  Decoded decode(InputBytes input, OutputBytes output);
  void begin_member();

 private:
  bz_stream stream_{};
};

class Unxz {
 public:
  Unxz();
  ~Unxz();
  Unxz(const Unxz&) = delete;
  Unxz& operator=(const Unxz&) = delete;
  Decoded decode(InputBytes input, OutputBytes output);
  void begin_member();

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Unzstd {
 public:
  Unzstd();
  ~Unzstd();
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;
  Decoded decode(InputBytes input, OutputBytes output);
  void begin_member();

 private:
  ZSTD_DCtx* context_;
};

/// Libraries point back into some of these: made in place, never moved.
using Decoder = std::variant<std::monostate, Gunzip, Bunzip2, Unxz, Unzstd>;

}  // namespace tare::archive
