#include "init/mountinfo.h"

#include "init/constants.h"
#include "init/syscalls.h"

namespace tare::init::older {
namespace {

constexpr size_t most = 16 << 20;  // of which only what is written to becomes memory

bool is_octal(const char* text) {
  for (int i = 0; i < 3; i++)
    if (text[i] < '0' || text[i] > '7') return false;
  return true;
}

}  // namespace

Mountinfo::~Mountinfo() {
  if (text_) call(__NR_munmap, address(text_), static_cast<long>(most));
}

long Mountinfo::read() {
  const long memory = call(__NR_mmap, 0, static_cast<long>(most), prot_read_write,
                           map_private | map_anonymous | map_noreserve, -1, 0);
  if (memory < 0 && memory > -4096) return memory;
  text_ = reinterpret_cast<char*>(memory);  // NOLINT(performance-no-int-to-ptr): what mmap gave
  const long file = call(__NR_openat, at_fdcwd, address("/proc/self/mountinfo"), o_cloexec, 0);
  if (file < 0) return file;
  long got = 0;
  while (size_ < most - 1 &&
         (got = call(__NR_read, file, address(text_ + size_), static_cast<long>(most - 1 - size_))) > 0)
    size_ += static_cast<size_t>(got);
  close(static_cast<int>(file));
  return got < 0 ? got : size_ < most - 1 ? 0 : -e_nametoolong;
}

bool Mountinfo::next(MountLine& line) {
  if (at_ >= size_) return false;
  const char* at = text_ + at_;
  line.id = number_in(at);
  for (int field = 1; field < 5 && *at != '\0'; at++)
    if (*at == ' ') field++;
  line.path.clear();
  while (*at != ' ' && *at != '\0') {
    char one = *at;
    if (one == '\\' && is_octal(at + 1)) {
      one = static_cast<char>((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
      at += 3;
    }
    line.path.append(&one, 1);
    at++;
  }
  while (*at != '\n' && *at != '\0') at++;
  at_ = static_cast<size_t>(at - text_) + 1;
  return true;
}

bool Mountinfo::find(uint64_t id, MountLine& line) {
  for (rewind(); next(line);)
    if (line.id == id) return true;
  return false;
}

bool Mountinfo::is_at(uint64_t id, const char* path) {
  const size_t here = at_;
  MountLine line;
  const bool found = find(id, line) && is_same(line.path.text(), path);
  at_ = here;
  return found;
}

}  // namespace tare::init::older
