#include "sys/memory_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/missing_call.h"

namespace tare::sys {

UniqueFd make_memory_file(const char* name, unsigned flags) {
  UniqueFd file(::memfd_create(name, flags));
  const int number = errno;
  if (!file && is_missing(number))
    for (const char* directory : {"/dev/shm", "/run", "/tmp"})
      // O_EXCL: it will never have a name (open(2), O_TMPFILE).
      if ((file = try_open_at(here, directory, O_TMPFILE | O_RDWR | O_EXCL, 0600))) break;
  if (!file) throw system_error(number, "cannot make a memory file");
  return file;
}

}  // namespace tare::sys
