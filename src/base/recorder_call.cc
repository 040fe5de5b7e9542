#include "base/recorder_call.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>

namespace tare::recorder {
namespace {

// d: a number · o: a mode · x: flags · s: a text · b: bytes, as many as the next argument says · F: flags of
// open(2) · p: a structure, which is not shown. A rest without a character is not shown.
constexpr CallKind kinds[] = {
    {"accept4", "dppx"},
    {"bind", "dpd"},
    {"bpf", "dpd"},
    {"capget", "pp"},
    {"capset", "pp"},
    {"chdir", "s"},
    {"clock_gettime", "dp"},
    {"clone", "xpppx"},
    {"clone3", "pd"},
    {"close", "d"},
    {"close_range", "ddx"},
    {"connect", "dpd"},
    {"copy_file_range", "dpdpdx"},
    {"dup", "d"},
    {"dup2", "dd"},
    {"dup3", "ddF"},
    {"execve", "spp"},
    {"execveat", "dsppx"},
    {"exit_group", "d"},
    {"faccessat", "dsox"},
    {"faccessat2", "dsox"},
    {"fchdir", "d"},
    {"fchmod", "do"},
    {"fchmodat", "dsox"},
    {"fchown", "ddd"},
    {"fchownat", "dsddx"},
    {"fcntl", "dd"},
    {"flock", "dx"},
    {"fork", ""},
    {"fsconfig", "ddssd"},
    {"fsmount", "dxx"},
    {"fsopen", "sx"},
    {"fstat", "dp"},
    {"fstatat", "dspx"},
    {"fstatfs", "dp"},
    {"ftruncate", "dd"},
    {"futimens", "dp"},
    {"getcwd", "pd"},
    {"getdents64", "dpd"},
    {"getpid", ""},
    {"getppid", ""},
    {"getrandom", "pdx"},
    {"gettid", ""},
    {"ioctl", "dx"},
    {"keyctl", "ds"},
    {"kill", "dd"},
    {"landlock_add_rule", "ddpx"},
    {"landlock_create_ruleset", "pdx"},
    {"landlock_restrict_self", "dx"},
    {"lgetxattr", "sspd"},
    {"link", "ss"},
    {"linkat", "dsdsx"},
    {"listen", "dd"},
    {"llistxattr", "spd"},
    {"lseek", "ddd"},
    {"lsetxattr", "ssbdx"},
    {"memfd_create", "sx"},
    {"mkdir", "so"},
    {"mkdirat", "dso"},
    {"mknodat", "dsox"},
    {"mmap", "pdxxdd"},
    {"mount", "sssxs"},
    {"mount_setattr", "dsxpd"},
    {"move_mount", "dsdsx"},
    {"munmap", "pd"},
    {"nanosleep", "pp"},
    {"open", "sFo"},
    {"open_tree", "dsx"},
    {"openat", "dsFo"},
    {"openat2", "dspd"},
    {"personality", "x"},
    {"pidfd_open", "dx"},
    {"pidfd_send_signal", "ddpx"},
    {"pipe2", "pF"},
    {"pivot_root", "ss"},
    {"poll", "pdd"},
    {"posix_spawnp", "psppp"},
    {"prctl", "dx"},
    {"pread", "dpdd"},
    {"prlimit", "ddpp"},
    {"prlimit64", "ddpp"},
    {"pwrite", "dbdd"},
    {"read", "dpd"},
    {"readlinkat", "dspd"},
    {"recv", "dpdx"},
    {"recvfrom", "dpdxpp"},
    {"recvmsg", "dpx"},
    {"rename", "ss"},
    {"renameat", "dsds"},
    {"renameat2", "dsdsx"},
    {"rmdir", "s"},
    {"rt_sigaction", "dppd"},
    {"rt_sigprocmask", "dppd"},
    {"rt_sigtimedwait", "pppd"},
    {"sched_setaffinity", "ddp"},
    {"seccomp", "dxp"},
    {"send", "dpdx"},
    {"sendmsg", "dpx"},
    {"sendto", "dpdxpd"},
    {"setdomainname", "bd"},
    {"setgroups", "dp"},
    {"sethostname", "bd"},
    {"setns", "dx"},
    {"setpgid", "dd"},
    {"setresgid", "ddd"},
    {"setresuid", "ddd"},
    {"setsid", ""},
    {"setsockopt", "dddpd"},
    {"sigaction", "dpp"},
    {"signalfd", "dpx"},
    {"sigprocmask", "dpp"},
    {"socket", "dxd"},
    {"socketpair", "dxdp"},
    {"statfs", "sp"},
    {"statx", "dsxxp"},
    {"symlinkat", "sds"},
    {"umask", "o"},
    {"umount2", "sx"},
    {"uname", "p"},
    {"unlink", "s"},
    {"unlinkat", "dsx"},
    {"unshare", "x"},
    {"utimensat", "dspx"},
    {"wait4", "dpxp"},
    {"waitid", "ddpxp"},
    {"waitpid", "dpx"},
    {"write", "dbd"},
};
static_assert(std::ranges::is_sorted(kinds, {}, &CallKind::name));

struct Number {
  long number;
  std::string_view name;
};
#define TARE_NUMBER(name) {SYS_##name, #name}
constexpr Number numbers[] = {TARE_NUMBER(accept4),
                              TARE_NUMBER(bind),
                              TARE_NUMBER(bpf),
                              TARE_NUMBER(capget),
                              TARE_NUMBER(capset),
                              TARE_NUMBER(chdir),
                              TARE_NUMBER(clone),
                              TARE_NUMBER(clone3),
                              TARE_NUMBER(close),
                              TARE_NUMBER(close_range),
                              TARE_NUMBER(dup3),
                              TARE_NUMBER(execve),
                              TARE_NUMBER(execveat),
                              TARE_NUMBER(exit_group),
                              TARE_NUMBER(faccessat2),
                              TARE_NUMBER(fchdir),
                              TARE_NUMBER(fchmod),
                              TARE_NUMBER(fchmodat),
                              TARE_NUMBER(fchown),
                              TARE_NUMBER(fchownat),
                              TARE_NUMBER(fcntl),
                              TARE_NUMBER(fsconfig),
                              TARE_NUMBER(fsmount),
                              TARE_NUMBER(fsopen),
                              TARE_NUMBER(fstatfs),
                              TARE_NUMBER(getpid),
                              TARE_NUMBER(ioctl),
                              TARE_NUMBER(keyctl),
                              TARE_NUMBER(kill),
                              TARE_NUMBER(landlock_add_rule),
                              TARE_NUMBER(landlock_create_ruleset),
                              TARE_NUMBER(landlock_restrict_self),
                              TARE_NUMBER(mkdirat),
                              TARE_NUMBER(mknodat),
                              TARE_NUMBER(mmap),
                              TARE_NUMBER(mount),
                              TARE_NUMBER(mount_setattr),
                              TARE_NUMBER(move_mount),
                              TARE_NUMBER(open_tree),
                              TARE_NUMBER(openat),
                              TARE_NUMBER(openat2),
                              TARE_NUMBER(pidfd_open),
                              TARE_NUMBER(pivot_root),
                              TARE_NUMBER(prctl),
                              TARE_NUMBER(prlimit64),
                              TARE_NUMBER(read),
                              TARE_NUMBER(readlinkat),
                              TARE_NUMBER(recvfrom),
                              TARE_NUMBER(renameat2),
                              TARE_NUMBER(rt_sigaction),
                              TARE_NUMBER(seccomp),
                              TARE_NUMBER(sendmsg),
                              TARE_NUMBER(sendto),
                              TARE_NUMBER(setdomainname),
                              TARE_NUMBER(setgroups),
                              TARE_NUMBER(sethostname),
                              TARE_NUMBER(setns),
                              TARE_NUMBER(setpgid),
                              TARE_NUMBER(setresgid),
                              TARE_NUMBER(setresuid),
                              TARE_NUMBER(setsid),
                              TARE_NUMBER(socket),
                              TARE_NUMBER(statx),
                              TARE_NUMBER(symlinkat),
                              TARE_NUMBER(umask),
                              TARE_NUMBER(umount2),
                              TARE_NUMBER(unlinkat),
                              TARE_NUMBER(unshare),
                              TARE_NUMBER(wait4),
                              TARE_NUMBER(write),
                              TARE_NUMBER(getcwd),
                              TARE_NUMBER(getdents64),
                              TARE_NUMBER(rt_sigprocmask),
                              TARE_NUMBER(rt_sigtimedwait),
                              TARE_NUMBER(pidfd_send_signal)};
#undef TARE_NUMBER

struct Flag {
  std::uint64_t bits;
  std::string_view name;
};
// Those with several bits come first.
constexpr Flag open_flags[] = {{O_TMPFILE, "O_TMPFILE"},     {O_SYNC, "O_SYNC"},
                               {O_WRONLY, "O_WRONLY"},       {O_RDWR, "O_RDWR"},
                               {O_CREAT, "O_CREAT"},         {O_EXCL, "O_EXCL"},
                               {O_NOCTTY, "O_NOCTTY"},       {O_TRUNC, "O_TRUNC"},
                               {O_APPEND, "O_APPEND"},       {O_NONBLOCK, "O_NONBLOCK"},
                               {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"},
                               {O_CLOEXEC, "O_CLOEXEC"},     {O_PATH, "O_PATH"}};

// A call without a name is its number, as strace(1) writes it.
constexpr std::string_view unknown = "syscall_";

constexpr std::size_t longest_bytes = 64;

class Line {
 public:
  void put(std::string_view text) noexcept { size_ += text.copy(buffer_ + size_, sizeof buffer_ - size_); }
  template <typename T>
  void put_number(T number, int base = 10) noexcept {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, base);
    put({digits, static_cast<std::size_t>(end.ptr - digits)});
  }
  void put_hex(std::uint64_t number) noexcept {
    if (number != 0) put("0x");
    put_number(number, 16);
  }
  void put_octal(std::uint64_t number) noexcept {
    if (number != 0) put("0");
    put_number(number, 8);
  }
  // As in C; what is not ASCII, too.
  void put_quoted(std::string_view bytes, bool is_cut) noexcept {
    put("\"");
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '\n') {
        put("\\n");
      } else if (c == '"' || c == '\\') {
        put("\\"), put({&c, 1});
      } else if (byte >= ' ' && byte < 0x7f) {
        put({&c, 1});
      } else {
        const char escaped[] = {'\\', static_cast<char>('0' + (byte >> 6)),
                                static_cast<char>('0' + ((byte >> 3) & 7)),
                                static_cast<char>('0' + (byte & 7))};
        put({escaped, sizeof escaped});
      }
    }
    put(is_cut ? "\"..." : "\"");
  }
  void put_open_flags(std::uint64_t flags) noexcept {
    bool is_first = (flags & O_ACCMODE) != O_RDONLY;
    if (!is_first) put("O_RDONLY");
    for (const Flag& flag : open_flags) {
      if ((flags & flag.bits) != flag.bits) continue;
      if (!is_first) put("|");
      is_first = false;
      put(flag.name);
      flags &= ~flag.bits;
    }
  }
  std::string_view text() const noexcept { return {buffer_, size_}; }

 private:
  char buffer_[1024];
  std::size_t size_ = 0;
};

class OwnMemory final : public Memory {
 public:
  std::string_view read(std::uint64_t address, std::size_t size) const noexcept override {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it was a pointer, given to the kernel
    return {reinterpret_cast<const char*>(address), size};
  }
};

void put_text(Line& line, std::uint64_t address, const Memory& memory) noexcept {
  if (address == 0) return line.put("NULL");
  // Byte by byte: behind its end there may be nothing.
  std::string_view text = memory.read(address, 1);
  if (text.empty()) return line.put("...");
  std::size_t size = 0;
  while (size < 512 && !(text = memory.read(address + size, 1)).empty() && text.front() != '\0') size++;
  line.put_quoted(memory.read(address, size), size == 512);
}

void put_argument(Line& line, const Call& call, std::size_t index, const Memory& memory) noexcept {
  const std::uint64_t value = call.arguments[index];
  switch (call.kind.arguments[index]) {
    case 'd':
      if (static_cast<int>(value) == AT_FDCWD) return line.put("AT_FDCWD");
      return line.put_number(static_cast<std::int64_t>(value));
    case 'o': return line.put_octal(value & 0xffffffff);
    case 'F': return line.put_open_flags(value & 0xffffffff);
    case 's': return put_text(line, value, memory);
    case 'b': {
      const std::size_t size = call.arguments[index + 1], shown = std::min(size, longest_bytes);
      if (hides_bytes()) return line.put("...");
      const std::string_view bytes = value ? memory.read(value, shown) : std::string_view();
      if (bytes.empty() && size > 0) return line.put("...");
      return line.put_quoted(bytes, shown < size);
    }
    case 'p': return line.put(value == 0 ? "NULL" : "...");
    default: return line.put_hex(value);
  }
}

}  // namespace

CallKind call_kind(std::string_view name) noexcept {
  const auto* kind = std::ranges::lower_bound(kinds, name, {}, &CallKind::name);
  return kind != std::end(kinds) && kind->name == name ? *kind : CallKind{name, "xxxxxx"};
}

CallKind call_kind(long number) noexcept {
  const auto* found = std::ranges::find(numbers, number, &Number::number);
  return found == std::end(numbers) ? CallKind{unknown, "xxxxxx"} : call_kind(found->name);
}

const Memory& own_memory() noexcept {
  static constinit const OwnMemory memory;
  return memory;
}

void add_call(Lane lane, const Call& call, const Memory& memory) noexcept {
  if (!is_on()) return;
  Line line, result;
  line.put(call.kind.name);
  if (call.kind.name == unknown) line.put_number(call.number);
  line.put("(");
  for (std::size_t i = 0; i < call.kind.arguments.size(); i++) {
    // open(2) looks at the mode only then.
    if (i > 0 && call.kind.arguments[i - 1] == 'F' && (call.arguments[i - 1] & O_CREAT) == 0) break;
    if (i > 0) line.put(", ");
    put_argument(line, call, i, memory);
  }
  line.put(")");
  if (call.result < 0 && call.result > -4096) {
    const char* name = strerrorname_np(static_cast<int>(-call.result));
    result.put("-1 ");
    result.put(name ? name : "E?");
  } else if (call.result > 0xffffffff || call.result < 0) {
    result.put_hex(static_cast<std::uint64_t>(call.result));
  } else {
    result.put_number(call.result);
  }
  add({.kind = Event::Kind::call,
       .lane = lane,
       .at = call.begin,
       .until = call.end,
       .text = line.text(),
       .result = result.text()});
}

}  // namespace tare::recorder
