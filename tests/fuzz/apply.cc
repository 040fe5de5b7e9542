// Whatever the bytes, applying them writes nothing beside the root and ends in a tree or in an Error.
#include "archive/apply.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "directory.h"

using namespace tare;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const WorkDirectory directory;
  sys::make_directory(directory.fd(), "root");
  const sys::UniqueFd source(::memfd_create("fuzz", MFD_CLOEXEC));
  sys::write_all(source, {reinterpret_cast<const char*>(data), size});
  ::lseek(source.number(), 0, SEEK_SET);
  try {
    archive::TarStream stream(source);
    archive::apply_tar(stream, sys::open_at(directory.fd(), "root", O_RDONLY | O_DIRECTORY),
                       {.unpacked = 1 << 24, .entries = 1000});
  } catch (const Error&) {
  }
  if (sys::list_directory(directory.fd(), ".") != std::vector<std::string>{"root"}) std::abort();
  sys::remove_tree(directory.fd(), "root");
  return 0;
}
