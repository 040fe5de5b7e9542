// The container's program: ends at once, or with an argument waits for ever. Without a C library, so that
// what is measured is the runtime.
#include <asm/unistd.h>

namespace {

#if defined(__x86_64__)
long call(long number, long a) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
  return result;
}
#else
long call(long number, long a) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = 0;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  return x0;
}
#endif

}  // namespace

extern "C" [[noreturn, gnu::used]] void begin(const long* stack) {
  while (stack[0] > 1) call(__NR_ppoll, 0);
  for (;;) call(__NR_exit_group, 0);
}

#if defined(__x86_64__)
__asm__(".global _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
#else
__asm__(".global _start\n_start:\n\tmov x0, sp\n\tb begin\n");
#endif
