#include "image/import.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "archive/confine.h"
#include "base/error.h"
#include "base/format.h"
#include "image/new_image.h"
#include "image/tree_blob.h"
#include "oci/reference.h"
#include "store/images.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::image {
namespace {

constexpr std::size_t piece_size = 1 << 20;

sys::UniqueFd open_source(const std::string& path) {
  sys::UniqueFd source = path == "-" ? sys::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3))
                                     : sys::try_open_at(sys::here, path, O_RDONLY | O_NOCTTY);
  if (!source && errno == ENOENT && path.find("://") != path.npos)
    throw Error(ErrorKind::unsupported, "a URL, which is not fetched", 0, "curl -L URL | tare import -");
  if (!source && errno == ENOENT) throw Error(ErrorKind::not_found, "no such file");
  if (!source) throw system_error("cannot open it");
  return source;
}

// A piece, as full as it gets: what compresses it is told by its first bytes.
std::size_t read_piece(sys::Fd source, std::vector<char>& piece, const HeldSignals& held) {
  std::size_t size = 0;
  while (size < piece.size()) {
    pollfd waited[] = {{.fd = held.arrival().number(), .events = POLLIN, .revents = 0},
                       {.fd = source.number(), .events = POLLIN, .revents = 0}};
    if (::poll(waited, 2, -1) < 0 && errno != EINTR) throw system_error("cannot wait for more of it");
    if (waited[0].revents != 0) throw system_error(EINTR, "stopped");
    const ssize_t n = ::read(source.number(), piece.data() + size, piece.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read it");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  return size;
}

bool may_be_blob(std::string_view head) {
  const auto compression = archive::recognise(head);
  return compression != archive::Compression::bzip2 && compression != archive::Compression::xz;
}

// In a process that can only read the one and write the other.
void add_decompressed(sys::Fd packed, const store::NewBlob& blob, sys::Fd empty_directory,
                      const HeldSignals& held) {
  run_confined({.name = "the process that decompresses",
                .work =
                    [&](sys::Fd answer) {
                      {
                        const archive::Sha256 loads_what_the_crypto_library_reads_from_disk;
                      }
                      archive::confine_to_reading(empty_directory, {packed, blob.file(), answer});
                      archive::TarStream stream(packed);
                      for (auto piece = stream.read(); !piece.empty(); piece = stream.read())
                        sys::write_all(blob.file(), piece);
                      return std::string();
                    }},
               held);
}

void add_file(const ImportOptions& options, sys::Fd source, store::NewBlob& blob, const HeldSignals& held) {
  std::vector<char> piece(piece_size);
  struct stat status;
  if (::fstat(source.number(), &status) != 0) throw system_error("cannot look at it");
  const Bytes total = S_ISREG(status.st_mode) ? status.st_size : 0;
  std::size_t size = read_piece(source, piece, held);
  const bool as_it_came = may_be_blob({piece.data(), std::min<std::size_t>(size, 16)});
  std::optional<store::NewBlob> packed;
  if (!as_it_came) packed.emplace(options.root);
  store::NewBlob& copy = packed ? *packed : blob;
  while (size > 0) {
    copy.add({piece.data(), size});
    if (options.progress) options.progress(copy.size(), total);
    size = read_piece(source, piece, held);
  }
  if (!packed) return;
  if (::lseek(packed->file().number(), 0, SEEK_SET) != 0) throw system_error("cannot read it again");
  const store::Staging nothing(options.root);
  add_decompressed(packed->file(), blob, nothing.tree(), held);
}

}  // namespace

oci::Digest import(const ImportOptions& options) {
  const std::string shown = options.source == "-" ? "the standard input" : options.source;
  Step step("import", shown);
  const std::string name =
      options.name.empty() ? std::string() : oci::parse_name_to_give(options.name).text();
  const sys::UniqueFd source = open_source(options.source);
  struct stat status;
  if (::fstat(source.number(), &status) != 0) throw system_error("cannot look at it");
  const store::ImagesInUse in_use(options.root);
  store::collect_staging(options.root);
  const HeldSignals held;
  store::NewBlob blob(options.root);
  if (S_ISDIR(status.st_mode))
    add_tree({sys::canonical(HostPath(options.source))}, store::own_marks(), blob, held);
  else
    add_file(options, source, blob, held);
  const AddedLayer added = add_root_layer(options.root, blob, held, options.progress);
  oci::ImageConfig config = options.config;
  config.layers = {added.layer};
  return add_image(options.root, config, {added.blob}, name);
}

}  // namespace tare::image
