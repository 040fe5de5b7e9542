#include "archive/compression.h"

#include <gtest/gtest.h>

#include "tar_builder.h"

namespace tare::archive {
namespace {

using test::error_of, test::has, test::reading, test::shell;

constexpr const char* empty_digest =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Compressible in parts only, and longer than any buffer.
std::string sample(std::size_t size) {
  std::string text;
  std::uint32_t state = 12345;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text.append(state % 7, static_cast<char>(state >> 24));
    text += static_cast<char>(state >> 16);
  }
  text.resize(size);
  return text;
}

std::string compress(const std::string& program, std::string_view text) {
  const test::TemporaryDirectory directory;
  const std::string path = (directory.path / "data").value;
  sys::create_file(sys::here, path, text);
  EXPECT_TRUE(shell(program + " < " + path + " > " + path + ".out")) << program;
  return sys::read_file(sys::here, path + ".out", 1 << 30);
}

struct Read {
  std::string text;
  oci::Digest raw, tar;
  Compression compression;
};

Read read_all(std::string_view bytes) {
  const sys::UniqueFd source = reading(bytes);
  TarStream stream(source);
  Read read{.compression = stream.compression()};
  for (auto piece = stream.read(); !piece.empty(); piece = stream.read()) read.text += piece;
  read.raw = stream.raw_digest();
  read.tar = stream.tar_digest();
  return read;
}

oci::Digest digest(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.digest();
}

struct Program {
  const char* command;
  Compression compression;
};

constexpr Program programs[] = {
    {"gzip -c", Compression::gzip},    {"bzip2 -c", Compression::bzip2}, {"xz -1 -c", Compression::xz},
    {"zstd -q -c", Compression::zstd}, {"cat", Compression::none},
};

TEST(Compression, IsToldByContentAndBothDigestsAreRight) {
  for (const std::size_t size : {0, 1, 600, 3'000'000}) {
    const std::string text = sample(size);
    for (const Program& program : programs) {
      const std::string packed = compress(program.command, text);
      const Read read = read_all(packed);
      EXPECT_EQ(read.compression, program.compression) << program.command;
      EXPECT_TRUE(read.text == text) << program.command << " " << size;
      EXPECT_EQ(read.raw, digest(packed)) << program.command;
      EXPECT_EQ(read.tar, digest(text)) << program.command;
    }
  }
  EXPECT_EQ(digest("").value, empty_digest);
}

TEST(Compression, ReadsSeveralMembersAsOneStreamWithPaddingAround) {
  const std::string first = sample(400'000), second = "and the end";
  for (const Program& program : programs) {
    if (program.compression == Compression::none) continue;
    const std::string one = compress(program.command, first), two = compress(program.command, second);
    EXPECT_TRUE(read_all(one + two).text == first + second) << program.command;
    EXPECT_TRUE(read_all(one + std::string(10240, '\0')).text == first) << program.command;
    EXPECT_TRUE(read_all(one + std::string(12, '\0') + two + two).text == first + second + second);
  }
}

TEST(Compression, ReadsManySmallGzipMembersAtEveryOffset) {
  const std::string one = compress("gzip -nc", "abc");
  std::string packed, expected;
  for (int i = 0; i < 40'000; i++) packed += one, expected += "abc";
  EXPECT_TRUE(read_all(packed).text == expected);
}

TEST(Compression, SkipsZstdFramesThatAreNotData) {
  const std::string skippable("\x5a\x2a\x4d\x18\x03\0\0\0xyz", 11);
  const std::string data = compress("zstd -q -c", "hello");
  EXPECT_EQ(read_all(skippable + data + skippable + data).text, "hellohello");
  EXPECT_EQ(recognise(skippable), Compression::zstd);
}

TEST(Compression, SaysWhereDataEndsEarly) {
  const std::string text = sample(300'000);
  for (const Program& program : programs) {
    if (program.compression == Compression::none) continue;
    const std::string packed = compress(program.command, text);
    const std::string name(name_of(program.compression));
    for (const std::size_t cut : {packed.size() - 1, packed.size() / 2, std::size_t{20}}) {
      const std::string error = error_of([&] { read_all(packed.substr(0, cut)); });
      EXPECT_TRUE(has(error, name + " data ends early after " + std::to_string(cut) + " bytes")) << error;
    }
  }
}

TEST(Compression, RefusesDamagedDataAndWhatFollowsIt) {
  const std::string text = sample(300'000);
  for (const Program& program : programs) {
    if (program.compression == Compression::none) continue;
    const std::string packed = compress(program.command, text);
    const std::string name(name_of(program.compression));
    std::string damaged = packed;
    for (std::size_t i = 0; i < 8; i++) damaged[damaged.size() / 2 + i] ^= 0x55;
    EXPECT_TRUE(has(error_of([&] { read_all(damaged); }), name + " data ")) << program.command;
    EXPECT_TRUE(
        has(error_of([&] { read_all(packed + "garbage"); }), name + " data is followed by something else"))
        << program.command;
  }
}

TEST(Compression, NeverTakesAFileNameForCompression) {
  EXPECT_EQ(recognise("BZh is the first file's name"), Compression::none);
  EXPECT_EQ(recognise(""), Compression::none);
  EXPECT_EQ(recognise_foreign("PK\3\4...."), "a zip archive");
}

}  // namespace
}  // namespace tare::archive
