// What is compressed is read back, and both digests are of what they say.
#include "archive/compressor.h"

#include <gtest/gtest.h>

#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::error_of, test::TemporaryDirectory;

struct Written {
  std::string blob;
  Compressor::Result result;
};

Written compress(std::string_view tar, Compression compression, std::size_t piece) {
  const sys::UniqueFd file(::memfd_create("blob", MFD_CLOEXEC));
  Compressor compressor(file, compression);
  for (std::size_t at = 0; at < tar.size(); at += piece) compressor.write(tar.substr(at, piece));
  auto result = compressor.finish();
  EXPECT_EQ(::lseek(file.number(), 0, SEEK_SET), 0);
  return {.blob = sys::read_all(file, 64 << 20), .result = result};
}

std::string digest(std::string_view bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.digest().value;
}

/// Half of it can be compressed, half of it cannot.
std::string bytes_of(std::size_t size) {
  std::string bytes(size, 'a');
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; i += 1 + (state >> 30))
    bytes[i] = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST(Compressor, WhatIsWrittenIsReadBackAndTheDigestsAreOfBoth) {
  for (const auto compression : {Compression::none, Compression::gzip, Compression::zstd})
    for (const std::size_t size : {0uz, 1uz, 512uz, 262'144uz, 262'145uz, 3'000'000uz}) {
      const std::string tar = bytes_of(size);
      const Written written = compress(tar, compression, 65'536);
      EXPECT_EQ(written.result.tar.value, digest(tar));
      EXPECT_EQ(written.result.blob.value, digest(written.blob));
      EXPECT_EQ(written.result.tar_bytes, static_cast<Bytes>(size));
      EXPECT_EQ(written.result.blob_bytes, static_cast<Bytes>(written.blob.size()));
      if (size < 512) continue;
      const sys::UniqueFd source = test::reading(written.blob);
      TarStream stream(source);
      EXPECT_EQ(stream.compression(), compression);
      std::string back;
      for (std::string_view piece = stream.read(); !piece.empty(); piece = stream.read()) back += piece;
      EXPECT_TRUE(back == tar) << name_of(compression) << " " << size;
    }
}

TEST(Compressor, TheSameTarIsTheSameBytesAndTheHeaderSaysNothingOfTheMachine) {
  const std::string tar = bytes_of(1'000'000);
  for (const auto compression : {Compression::gzip, Compression::zstd})
    EXPECT_TRUE(compress(tar, compression, 65'536).blob == compress(tar, compression, 65'536).blob);
  // RFC 1952: no flags (so no name), time 0, an unknown system.
  EXPECT_EQ(compress(tar, Compression::gzip, 65'536).blob.substr(0, 8),
            std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST(Compressor, OtherProgramsReadIt) {
  const TemporaryDirectory work;
  const std::string tar = bytes_of(700'000);
  sys::create_file(work.fd, "tar", tar);
  sys::create_file(work.fd, "tar.gz", compress(tar, Compression::gzip, 300'000).blob);
  sys::create_file(work.fd, "tar.zst", compress(tar, Compression::zstd, 300'000).blob);
  EXPECT_TRUE(test::shell("cd " + work.path.value +
                          " && gzip -dc tar.gz | cmp - tar && zstd -qdc tar.zst | cmp - tar"));
}

TEST(Compressor, RefusesWhatLayersAreNotCompressedWith) {
  const sys::UniqueFd file(::memfd_create("blob", MFD_CLOEXEC));
  EXPECT_EQ(error_of([&] { const Compressor refused(file, Compression::xz); }),
            "layers are not compressed with xz");
}

}  // namespace
}  // namespace tare::archive
