#include "oci/digest.h"

namespace tare::oci {
namespace {

constexpr std::string_view algorithm = "sha256:";
constexpr std::string_view digits = "0123456789abcdef";

}  // namespace

std::optional<Digest> parse_digest(std::string_view text) {
  if (!text.starts_with(algorithm) || text.size() != algorithm.size() + 64) return std::nullopt;
  if (text.substr(algorithm.size()).find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
  return Digest(text);
}

Digest sha256_digest(std::span<const unsigned char, 32> hash) {
  std::string text(algorithm);
  for (const unsigned char byte : hash) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return Digest(std::move(text));
}

}  // namespace tare::oci
