// Names of images as people write them: "busybox", "localhost:5000/tools/jq:1.7", "alpine@sha256:…"
// (distribution-spec; the grammar and the short names are those of docker's distribution/reference).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace tare::oci {

struct Reference {
  std::string domain;  ///< "docker.io", "localhost:5000"
  std::string path;    ///< "library/busybox"
  std::string tag;     ///< empty: none was given
  std::optional<Digest> digest;

  /// "docker.io/library/busybox"
  std::string repository() const { return domain + "/" + path; }
  /// As short as docker shows it: "busybox", "localhost:5000/tools/jq".
  std::string short_repository() const;
  /// Whole, with tag and digest where there are any.
  std::string text() const;
  /// The same, short.
  std::string short_text() const;

  bool operator==(const Reference&) const = default;
};

/// Fills in docker.io and library/, no tag. Throws Error{invalid} in docker's words.
Reference parse_reference(std::string_view text);
/// The same, with the tag "latest" where neither a tag nor a digest is given.
Reference parse_tagged_reference(std::string_view text);

/// What an image is to be called: the same, and no digest.
Reference parse_name_to_give(std::string_view text);

}  // namespace tare::oci
