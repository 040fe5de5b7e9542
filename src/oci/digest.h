// Digests: the name of content, "sha256:" and 64 lower-case hexadecimal digits (image-spec, descriptor.md).
#pragma once

#include <optional>
#include <span>

#include "base/types.h"

namespace tare::oci {

struct Digest : Named<Digest> {
  using Named::Named;
  /// The part after "sha256:".
  std::string_view hex() const { return std::string_view(value).substr(7); }
};

/// nullopt unless it is exactly a SHA-256 digest; so a Digest is safe as a file name.
std::optional<Digest> parse_digest(std::string_view text);

Digest sha256_digest(std::span<const unsigned char, 32> hash);

}  // namespace tare::oci
