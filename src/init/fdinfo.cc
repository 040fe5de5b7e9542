#include "init/fdinfo.h"

#include "init/constants.h"
#include "init/syscalls.h"
#include "init/text.h"

namespace tare::init {

uint64_t read_fdinfo(int fd, const char* key) {
  PathBuffer path;
  path.append("/proc/self/fdinfo/");
  path.append_number(fd);
  const long file = call(__NR_openat, at_fdcwd, address(path.text()), o_cloexec, 0);
  if (file < 0) return 0;
  char text[512];
  const long size = call(__NR_read, file, address(text), sizeof text - 1);
  close(static_cast<int>(file));
  text[size > 0 ? size : 0] = '\0';
  for (const char* at = text; *at != '\0'; at++)
    if (const char* value = after_prefix(at, key)) return number_in(value);
  return 0;
}

}  // namespace tare::init
