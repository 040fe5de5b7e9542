// System calls without a C library: the result is the kernel's, a negative errno where it fails.
#pragma once

#include <asm/unistd.h>
#include <stdint.h>

#include "plan/operations.h"

namespace tare::init {

#if defined(TARE_FUZZ)
/// The kernel that a fuzz harness is (tests/fuzz/operation_list.cc).
long call_kernel(long number, long a, long b, long c, long d, long e, long f);
#elif defined(__x86_64__)
inline long call_kernel(long number, long a, long b, long c, long d, long e, long f) {
  long result = number;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call_kernel(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "tare-init knows x86-64 and aarch64"
#endif

/// Where a traced run is recorded; null: it is not.
inline plan::Trace* trace = nullptr;

/// The next free record; null when there is none.
plan::TraceRecord* begin_record(uint32_t operation, int32_t number);
/// Makes the call and records it.
long call_traced(long number, long a, long b, long c, long d, long e, long f);

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  if (trace) [[unlikely]]
    return call_traced(number, a, b, c, d, e, f);
  return call_kernel(number, a, b, c, d, e, f);
}

inline long address(const volatile void* pointer) { return reinterpret_cast<long>(pointer); }

inline void close(int fd) { call(__NR_close, fd); }

}  // namespace tare::init
