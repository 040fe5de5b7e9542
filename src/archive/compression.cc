#include "archive/compression.h"

#include <algorithm>
#include <cerrno>
#include <openssl/evp.h>
#include <optional>
#include <string>
#include <vector>

#include "archive/decoders.h"
#include "base/error.h"
#include "base/format.h"

namespace tare::archive {
namespace {

using namespace std::string_view_literals;

// A pipe gives 64 KiB at most, a file what it is asked for; beyond this nothing gets faster.
constexpr std::size_t piece_size = 256 << 10;

struct Magic {
  std::string_view bytes;
  Compression compression;
};

constexpr Magic magics[] = {
    {"\x1f\x8b\x08"sv, Compression::gzip},
    {"\xfd\x37zXZ\0"sv, Compression::xz},
    {"\x28\xb5\x2f\xfd"sv, Compression::zstd},
};

struct Foreign {
  std::string_view bytes, what;
};

constexpr Foreign foreigners[] = {
    {"PK\3\4"sv, "a zip archive"},
    {"PK\5\6"sv, "a zip archive"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {"Rar!"sv, "a RAR archive"},
    {"070701"sv, "a cpio archive"},
    {"070702"sv, "a cpio archive"},
    {"070707"sv, "a cpio archive"},
    {"\xc7\x71"sv, "a cpio archive"},
    {"!<arch>"sv, "an ar archive or a .deb package"},
    {"\xed\xab\xee\xdb"sv, "an RPM package"},
    {"hsqs"sv, "a squashfs image"},
    {"\x7f"
     "ELF"sv,
     "a program"},
    {"#!"sv, "a script"},
    {"\x04\x22\x4d\x18"sv, "lz4 data, which is not supported"},
    {"LZIP"sv, "lzip data, which is not supported"},
    {"\x1f\x9d"sv, "compress (.Z) data, which is not supported"},
    {"\x5d\0\0"sv, "lzma data, which is not supported"},
};

// RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian.
bool is_skippable_frame(std::string_view head) {
  return head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv;
}

// "BZh" alone may begin a file's name in a tar: a block of data or the end of an empty stream must follow.
bool is_bzip2(std::string_view head) {
  return head.size() >= 10 && head.starts_with("BZh") && head[3] >= '1' && head[3] <= '9' &&
         (head.substr(4, 6) == "1AY&SY" || head.substr(4, 6) == "\x17rE8P\x90");
}

void make_decoder(Decoder& decoder, Compression compression) {
  switch (compression) {
    case Compression::none: return;
    case Compression::gzip: decoder.emplace<Gunzip>(); return;
    case Compression::bzip2: decoder.emplace<Bunzip2>(); return;
    case Compression::xz: decoder.emplace<Unxz>(); return;
    case Compression::zstd: decoder.emplace<Unzstd>(); return;
  }
}

template <typename Action>
auto with(Decoder& decoder, Action action) {
  using Result = decltype(action(std::get<Gunzip>(decoder)));
  return std::visit(
      [&](auto& chosen) -> Result {
        if constexpr (!std::is_same_v<decltype(chosen), std::monostate&>) return action(chosen);
        return Result();
      },
      decoder);
}

std::size_t read_piece(sys::Fd source, unsigned char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t count = ::read(source.number(), buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw system_error("cannot read the archive");
  }
}

std::string_view as_text(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::string_view name_of(Compression compression) {
  switch (compression) {
    case Compression::none: return "tar";
    case Compression::gzip: return "gzip";
    case Compression::bzip2: return "bzip2";
    case Compression::xz: return "xz";
    case Compression::zstd: return "zstd";
  }
  return "";
}

Compression recognise(std::string_view head) {
  for (const Magic& magic : magics)
    if (head.starts_with(magic.bytes)) return magic.compression;
  if (is_bzip2(head)) return Compression::bzip2;
  return is_skippable_frame(head) ? Compression::zstd : Compression::none;
}

std::string_view recognise_foreign(std::string_view head) {
  for (const Foreign& foreign : foreigners)
    if (head.starts_with(foreign.bytes)) return foreign.what;
  return {};
}

struct Sha256::State {
  EVP_MD_CTX* context = ::EVP_MD_CTX_new();
  ~State() { ::EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || ::EVP_DigestInit_ex(state_->context, ::EVP_sha256(), nullptr) != 1)
    throw Error(ErrorKind::unsupported, "the crypto library has no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) { ::EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

oci::Digest Sha256::digest() {
  unsigned char hash[32];
  ::EVP_DigestFinal_ex(state_->context, hash, nullptr);
  return oci::sha256_digest(hash);
}

oci::Digest digest_of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.digest();
}

oci::Digest digest_of(sys::Fd source, const OnRead& on_read) {
  Sha256 hash;
  Bytes total = 0;
  std::vector<unsigned char> buffer(piece_size);
  while (const std::size_t size = read_piece(source, buffer.data(), buffer.size())) {
    hash.add(as_text(buffer.data(), size));
    total += static_cast<Bytes>(size);
    if (on_read) on_read(total);
  }
  return hash.digest();
}

struct TarStream::State {
  State(sys::Fd from, OnRead told) : source(from), on_read(std::move(told)) {}

  sys::Fd source;
  OnRead on_read;
  std::string head;
  Compression compression = Compression::none;
  Decoder decoder;
  std::vector<unsigned char> input = std::vector<unsigned char>(piece_size), output;
  std::size_t begin = 0, end = 0;  ///< what of `input` is not decoded yet
  bool between_members = false, source_ended = false, ended = false;
  Bytes raw_bytes = 0, tar_bytes = 0;
  Sha256 raw_hash, tar_hash;
  std::optional<oci::Digest> raw_digest;

  /// False at the source's end.
  bool refill(std::size_t keep = 0) {
    if (source_ended) return false;
    const std::size_t size = read_piece(source, input.data() + keep, input.size() - keep);
    source_ended = size == 0;
    raw_hash.add(as_text(input.data() + keep, size));
    raw_bytes += static_cast<Bytes>(size);
    if (on_read) on_read(raw_bytes);
    begin = 0;
    end = keep + size;
    return size != 0;
  }

  [[noreturn]] void fail(std::string_view what, std::string_view why = {}) const {
    throw Error(ErrorKind::invalid,
                format("{} data {} after {} bytes{}{}", name_of(compression), what,
                       raw_bytes - static_cast<Bytes>(end - begin), why.empty() ? "" : ": ", why));
  }

  /// Past the padding to where the next member begins; false when there is none.
  bool find_member() {
    for (;;) {
      while (begin < end && input[begin] == 0) begin++;
      if (begin < end) break;
      if (!refill()) return false;
    }
    const unsigned char first = input[begin];
    const bool begins = first == static_cast<unsigned char>(head[0]) ||
                        (compression == Compression::zstd && (first == 0x28 || (first & 0xf0) == 0x50));
    if (!begins) fail("is followed by something else");
    with(decoder, [](auto& decoding) { decoding.begin_member(); });
    between_members = false;
    return true;
  }

  std::string_view decode() {
    output.resize(piece_size);
    std::size_t produced = 0;
    while (produced == 0) {
      if (between_members && !find_member()) return {};
      // Even without input a decoder may hold back output, so the source's end is asked for last.
      const Decoded decoded = with(decoder, [&](auto& decoding) {
        return decoding.decode(InputBytes(input.data() + begin, end - begin), OutputBytes(output));
      });
      begin += decoded.consumed;
      produced = decoded.produced;
      if (decoded.fault) fail("is damaged", decoded.fault);
      between_members = decoded.member_ended;
      if (produced == 0 && decoded.consumed == 0 && !between_members) {
        if (begin < end) fail("is damaged");
        if (!refill()) fail("ends early");
      }
    }
    return as_text(output.data(), produced);
  }

  std::string_view pass() {
    if (begin == end && !refill()) return {};
    const std::string_view piece = as_text(input.data() + begin, end - begin);
    begin = end;
    return piece;
  }
};

TarStream::TarStream(sys::Fd source, OnRead on_read)
    : state_(std::make_unique<State>(source, std::move(on_read))) {
  while (state_->end < 512 && state_->refill(state_->end)) {
  }
  state_->head = as_text(state_->input.data(), std::min<std::size_t>(state_->end, 512));
  state_->compression = recognise(state_->head);
  make_decoder(state_->decoder, state_->compression);
}

TarStream::~TarStream() = default;

std::string_view TarStream::read() {
  if (state_->ended) return {};
  const bool stored = state_->compression == Compression::none;
  const std::string_view piece = stored ? state_->pass() : state_->decode();
  if (!stored) state_->tar_hash.add(piece);
  state_->tar_bytes += static_cast<Bytes>(piece.size());
  state_->ended = piece.empty();
  return piece;
}

Compression TarStream::compression() const { return state_->compression; }
std::string_view TarStream::head() const { return state_->head; }
Bytes TarStream::raw_bytes() const { return state_->raw_bytes; }
Bytes TarStream::tar_bytes() const { return state_->tar_bytes; }

oci::Digest TarStream::raw_digest() {
  if (!state_->raw_digest) state_->raw_digest = state_->raw_hash.digest();
  return *state_->raw_digest;
}

oci::Digest TarStream::tar_digest() {
  // Not compressed: the same bytes, hashed once.
  return state_->compression == Compression::none ? raw_digest() : state_->tar_hash.digest();
}

}  // namespace tare::archive
