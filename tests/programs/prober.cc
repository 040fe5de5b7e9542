// Makes one system call and prints what came of it: "ok", or the error's name. Static, so that it runs in any
// root file system. An argument is a number (decimal, 0x…, or octal with a leading 0), or a text, whose
// address is passed; i386 in front makes it a 32-bit call.
//
// usage: prober [i386] CALL [ARGUMENT]...
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

#include "runtime/call_numbers.h"

namespace {

std::optional<long> try_number(const char* text) {
  char* end = nullptr;
  const unsigned long long number = std::strtoull(text, &end, 0);
  if (*text == '\0' || *end != '\0') return std::nullopt;
  return static_cast<long>(number);
}

long call_number(const tare::runtime::KnownAbi& abi, const char* text) {
  if (const auto number = try_number(text)) return *number;
  const auto number = tare::runtime::find_numbers(abi, text).direct;
  if (number) return *number;
  std::fprintf(stderr, "prober: there is no call %s\n", text);
  std::exit(2);
}

#if defined(__x86_64__)
// The 32-bit entry of the kernel; texts cannot be passed, they lie above 4 GiB.
long call_i386(const long* values) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(values[0]), "b"(values[1]), "c"(values[2]), "d"(values[3]), "S"(values[4]),
                     "D"(values[5])
                   : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}
#endif

}  // namespace

int main(int count, char** arguments) {
  const bool is_i386 = count > 1 && std::string_view(arguments[1]) == "i386";
  const int first = is_i386 ? 2 : 1;
  if (count <= first || count - first > 7) return 2;
  const auto abis = tare::runtime::own_abis();
  long values[7] = {call_number(is_i386 ? abis.back() : abis.front(), arguments[first])};
  for (int i = first + 1; i < count; i++)
    values[i - first] = try_number(arguments[i]).value_or(reinterpret_cast<long>(arguments[i]));
  const pid_t self = ::getpid();
  long result = -1;
#if defined(__x86_64__)
  if (is_i386) result = call_i386(values);
#endif
  if (!is_i386)
    result = ::syscall(values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
  const int error = errno;
  if (::getpid() != self) ::_exit(0);  // the call was a clone
  std::puts(result < 0 ? strerrorname_np(error) : "ok");
  return 0;
}
