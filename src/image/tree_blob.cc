#include "image/tree_blob.h"

#include "archive/compressor.h"
#include "archive/confine.h"
#include "archive/tar_writer.h"
#include "base/error.h"

namespace tare::image {

void add_tree(const std::vector<HostPath>& layers, store::Marks marks, const store::NewBlob& blob,
              const HeldSignals& held) {
  Step step("read", layers.front().value);
  const sys::UniqueFd tree = store::open_merged(layers, marks);
  run_confined({.name = "the process that reads",
                .work =
                    [&](sys::Fd answer) {
                      {
                        const archive::Sha256 loads_what_the_crypto_library_reads_from_disk;
                      }
                      archive::confine_to_reading(tree, {blob.file(), answer});
                      archive::Compressor compressor(blob.file(), archive::Compression::gzip);
                      archive::write_tar(tree, [&](std::string_view bytes) { compressor.write(bytes); });
                      return compressor.finish().blob.value;
                    }},
               held);
}

}  // namespace tare::image
