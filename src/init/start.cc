// tare-init begins here: finds its list, carries it out, and becomes the container's program or reports why
// not.
#include <stddef.h>

#include "init/constants.h"
#include "init/interpreter.h"
#include "init/kernel.h"
#include "init/syscalls.h"

namespace tare::init {
namespace {

constexpr int failed = 255;

// The list is a sealed-size memory file on descriptor 3. Anything else there means that somebody runs this
// program by hand, or that the container's own command is /proc/self/exe (CVE-2019-5736's relatives): refuse.
plan::List* map_list() {
  Statx status{};
  if (call(__NR_statx, plan::list_descriptor, address(""), at_empty_path, statx_basic, address(&status)) != 0)
    return nullptr;
  if ((status.mode & s_ifmt) != s_ifreg || status.size < sizeof(plan::List) || status.size > (64u << 20))
    return nullptr;
  const long mapped = call(__NR_mmap, static_cast<long>(plan::list_address), static_cast<long>(status.size),
                           prot_read_write, map_shared | map_fixed_noreplace, plan::list_descriptor, 0);
  if (mapped != static_cast<long>(plan::list_address)) return nullptr;
  auto* list = reinterpret_cast<plan::List*>(mapped);  // NOLINT(performance-no-int-to-ptr): what mmap gave
  return list->magic == plan::list_magic && list->size <= status.size ? list : nullptr;
}

[[noreturn]] void leave(int code) {
  call(__NR_exit_group, code);
  for (;;) __builtin_trap();  // the container's filter refuses even this call
}

}  // namespace

extern "C" [[noreturn, gnu::used]] void tare_init(const long* stack) {
  // argc 1 and no environment: how the parent calls it, and nobody by accident.
  if (stack[0] != 1 || stack[3] != 0) leave(failed);
  const uint64_t began = plan::ticks();
  plan::List* list = map_list();
  if (!list) leave(failed);
  plan::TraceRecord* record = nullptr;
  trace = list->trace;
  if (trace) record = begin_record(plan::before_operations, plan::whole_operation);
  if (record) record->begin = began;
  const long marked = close_on_exec_from(3);
  close(plan::list_descriptor);
  if (record) record->end = plan::ticks();
  Context context{.list = list};
  if (marked < 0)
    list->report.error = static_cast<int32_t>(-marked);
  else
    run(context);
  report_failure(*list);
  leave(failed);
}

}  // namespace tare::init

#if defined(__x86_64__)
__asm__(
    ".global _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall "
    "tare_init\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".global _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl tare_init\n\tbrk #1\n");
#endif

// The compiler may call these even in a freestanding program.
extern "C" {
[[gnu::used]] void* memset(void* to, int value, size_t size) {
  auto* p = static_cast<volatile unsigned char*>(to);
  while (size--) *p++ = static_cast<unsigned char>(value);
  return to;
}
[[gnu::used]] void* memcpy(void* to, const void* from, size_t size) {
  auto* t = static_cast<volatile unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  while (size--) *t++ = *f++;
  return to;
}
}
