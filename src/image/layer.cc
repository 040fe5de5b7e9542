#include "image/layer.h"

#include <fcntl.h>
#include <string>
#include <vector>

#include "archive/confine.h"
#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "image/confined_process.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::image {
namespace {

/// In the confined process. The result: "TAR BLOB TAR-BYTES BLOB-BYTES SOCKETS".
std::string write(const LayerOptions& options, sys::Fd upper, sys::Fd output, sys::Fd answer) {
  {
    const archive::Sha256 loads_what_the_crypto_library_reads_from_disk;
  }
  const bool trusted = options.marks == store::Marks::trusted;
  archive::confine_to_reading(upper, {output, answer},
                              trusted ? archive::Attributes::trusted : archive::Attributes::of_files);
  archive::Compressor compressor(output, options.compression);
  const archive::WrittenTree tree =
      archive::write_layer(upper, trusted ? archive::UpperMarks::trusted : archive::UpperMarks::user,
                           [&](std::string_view bytes) { compressor.write(bytes); });
  const auto result = compressor.finish();
  return format("{} {} {} {} {}", result.tar.value, result.blob.value, result.tar_bytes, result.blob_bytes,
                tree.sockets);
}

WrittenLayer parse(std::string_view result) {
  std::vector<std::string_view> words;
  while (!result.empty()) {
    words.push_back(result.substr(0, result.find(' ')));
    result.remove_prefix(std::min(words.back().size() + 1, result.size()));
  }
  const auto layer = words.size() == 5 ? oci::parse_digest(words[0]) : std::nullopt;
  const auto blob = words.size() == 5 ? oci::parse_digest(words[1]) : std::nullopt;
  if (!layer || !blob) throw Error(ErrorKind::system, "the process that reads ended without a result");
  return {.layer = *layer,
          .blob = *blob,
          .tar_bytes = parse_integer<Bytes>(words[2], 0),
          .blob_bytes = parse_integer<Bytes>(words[3], 0),
          .sockets = parse_integer<std::uint64_t>(words[4], 0)};
}

}  // namespace

WrittenLayer write_layer(const LayerOptions& options, sys::Fd output) {
  Step step("write the layer of", options.upper.value);
  // Without the right to see the marks there would be none, and what is hidden would come back.
  if (options.marks == store::Marks::trusted && !sys::in_first_user_namespace())
    throw Error(ErrorKind::unsupported, "an overlay's marks cannot be read in a user namespace");
  const sys::UniqueFd upper = sys::open_at(sys::here, options.upper.value, O_RDONLY | O_DIRECTORY);
  const HeldSignals held;
  return parse(run_confined({.name = "the process that reads",
                             .work = [&](sys::Fd answer) { return write(options, upper, output, answer); }},
                            held));
}

}  // namespace tare::image
