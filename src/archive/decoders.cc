#include "archive/decoders.h"

#include <cerrno>

#include "base/error.h"

namespace tare::archive {
namespace {

// What a stream may ask for to be decoded: xz -9 needs 65 MiB, zstd without --long 8 MiB; tar(1) and xz(1)
// stop at about the same.
constexpr std::uint64_t decoder_memory = 512 << 20;
constexpr int zstd_window_log = 27;

const char* inflate_fault(int result) {
  switch (result) {
    case ISAL_INCORRECT_CHECKSUM: return "its checksum is wrong";
    case ISAL_INVALID_WRAPPER: return "a member's header is wrong";
    case ISAL_UNSUPPORTED_METHOD: return "it is not deflated";
    default: return "an impossible code";
  }
}

const char* lzma_fault(lzma_ret result) {
  switch (result) {
    case LZMA_MEM_ERROR: return "out of memory";
    case LZMA_MEMLIMIT_ERROR: return "it needs more than 512 MiB of memory";
    case LZMA_FORMAT_ERROR: return "a stream's header is wrong";
    case LZMA_OPTIONS_ERROR: return "it uses a filter that is not known";
    default: return "its contents or its checksum are wrong";
  }
}

}  // namespace

Gunzip::Gunzip() : state_(std::make_unique<inflate_state>()) { begin_member(); }

void Gunzip::begin_member() {
  ::isal_inflate_init(state_.get());
  state_->crc_flag = ISAL_GZIP;
}

Decoded Gunzip::decode(InputBytes input, OutputBytes output) {
  state_->next_in = const_cast<std::uint8_t*>(input.data());
  state_->avail_in = static_cast<std::uint32_t>(input.size());
  state_->next_out = output.data();
  state_->avail_out = static_cast<std::uint32_t>(output.size());
  const int result = ::isal_inflate(state_.get());
  Decoded decoded{.consumed = input.size() - state_->avail_in,
                  .produced = output.size() - state_->avail_out,
                  .member_ended = state_->block_state == ISAL_BLOCK_FINISH};
  if (result < 0 || result == ISAL_NEED_DICT) decoded.fault = inflate_fault(result);
  return decoded;
}

Bunzip2::Bunzip2() {
  if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw system_error(ENOMEM, "cannot decode bzip2");
}

Bunzip2::~Bunzip2() { ::BZ2_bzDecompressEnd(&stream_); }

void Bunzip2::begin_member() {
  ::BZ2_bzDecompressEnd(&stream_);
  stream_ = {};
  if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw system_error(ENOMEM, "cannot decode bzip2");
}

Decoded Bunzip2::decode(InputBytes input, OutputBytes output) {
  stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(input.data()));
  stream_.avail_in = static_cast<unsigned>(input.size());
  stream_.next_out = reinterpret_cast<char*>(output.data());
  stream_.avail_out = static_cast<unsigned>(output.size());
  const int result = ::BZ2_bzDecompress(&stream_);
  Decoded decoded{.consumed = input.size() - stream_.avail_in,
                  .produced = output.size() - stream_.avail_out,
                  .member_ended = result == BZ_STREAM_END};
  if (result != BZ_OK && result != BZ_STREAM_END)
    decoded.fault = result == BZ_MEM_ERROR ? "out of memory" : "its contents or its checksum are wrong";
  return decoded;
}

Unxz::Unxz() { begin_member(); }

Unxz::~Unxz() { ::lzma_end(&stream_); }

void Unxz::begin_member() {
  if (::lzma_stream_decoder(&stream_, decoder_memory, 0) != LZMA_OK)
    throw system_error(ENOMEM, "cannot decode xz");
}

Decoded Unxz::decode(InputBytes input, OutputBytes output) {
  stream_.next_in = input.data();
  stream_.avail_in = input.size();
  stream_.next_out = output.data();
  stream_.avail_out = output.size();
  const lzma_ret result = ::lzma_code(&stream_, LZMA_RUN);
  Decoded decoded{.consumed = input.size() - stream_.avail_in,
                  .produced = output.size() - stream_.avail_out,
                  .member_ended = result == LZMA_STREAM_END};
  // LZMA_BUF_ERROR: no progress possible, which is for the caller to judge.
  if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR)
    decoded.fault = lzma_fault(result);
  return decoded;
}

Unzstd::Unzstd() : context_(::ZSTD_createDCtx()) {
  if (!context_) throw system_error(ENOMEM, "cannot decode zstd");
  ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, zstd_window_log);
}

Unzstd::~Unzstd() { ::ZSTD_freeDCtx(context_); }

void Unzstd::begin_member() { ::ZSTD_DCtx_reset(context_, ZSTD_reset_session_only); }

Decoded Unzstd::decode(InputBytes input, OutputBytes output) {
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  ZSTD_outBuffer out{output.data(), output.size(), 0};
  const std::size_t result = ::ZSTD_decompressStream(context_, &out, &in);
  Decoded decoded{.consumed = in.pos, .produced = out.pos, .member_ended = result == 0};
  if (::ZSTD_isError(result)) decoded.fault = ::ZSTD_getErrorName(result);
  return decoded;
}

}  // namespace tare::archive
