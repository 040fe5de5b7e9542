// Whatever the bytes, applying them as an image's layer writes nothing beside the root, and ends in an Error
// or in a tree that an overlay can be made of: no name is a whiteout's, and written as a layer it is the same
// tree again.
#include <cstdlib>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/apply.h"
#include "archive/tar_writer.h"
#include "archive/whiteout.h"
#include "base/error.h"
#include "directory.h"

using namespace tare;

namespace {

sys::UniqueFd file_of(std::string_view bytes) {
  sys::UniqueFd file(::memfd_create("fuzz", MFD_CLOEXEC));
  sys::write_all(file, bytes);
  ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

constexpr std::size_t written_limit = 4 << 20;  // holes are written as zeros

void apply(std::string_view bytes, sys::Fd root, std::uint64_t entries) {
  const sys::UniqueFd source = file_of(bytes);
  archive::TarStream stream(source);
  // With one mark of two: the other one needs a right that a fuzzer need not have.
  archive::apply_tar(stream, root,
                     {.unpacked = 1 << 24, .entries = entries, .whiteouts = archive::Whiteouts::overlay});
}

/// Empty where it would be too much.
std::string write(sys::Fd root) {
  std::string tar;
  const Error too_large(ErrorKind::invalid, "too large");
  try {
    archive::write_layer(root, archive::UpperMarks::user, [&](std::string_view bytes) {
      tar += bytes;
      if (tar.size() > written_limit) throw too_large;
    });
  } catch (const Error& error) {
    if (error.text() != too_large.text()) throw;
    tar.clear();
  }
  return tar;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory directory;
  static const sys::UniqueFd before = sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY);
  for (const char* name : {"root", "copy"}) sys::make_directory(directory.fd(), name);
  const auto open = [&](const char* name) {
    return sys::open_at(directory.fd(), name, O_RDONLY | O_DIRECTORY);
  };
  bool applied = false;
  try {
    apply({reinterpret_cast<const char*>(data), size}, open("root"), 1000);
    applied = true;
  } catch (const Error&) {
  }
  if (sys::list_directory(directory.fd(), ".") != std::vector<std::string>{"copy", "root"}) std::abort();
  if (applied) {
    const std::string tar = write(open("root"));
    if (!tar.empty()) {
      // The marks are entries, too.
      apply(tar, open("copy"), 5000);
      if (write(open("copy")) != tar) std::abort();
    }
  }
  if (::fchdir(before.number()) != 0) std::abort();
  for (const char* name : {"root", "copy"}) sys::remove_tree(directory.fd(), name);
  return 0;
}
