// The record of a traced run: each operation and each call, in the memory that the list lies in.
#include "init/syscalls.h"

namespace tare::init {

namespace {
uint32_t current_operation = plan::before_operations;
}  // namespace

plan::TraceRecord* begin_record(uint32_t operation, int32_t number) {
  // Processes that forked within the list write to the same memory.
  const uint32_t index = __atomic_fetch_add(&trace->used, 1, __ATOMIC_RELAXED);
  if (number == plan::whole_operation) current_operation = operation;
  if (index >= trace->capacity) return nullptr;
  plan::TraceRecord* record = reinterpret_cast<plan::TraceRecord*>(trace + 1) + index;
  record->operation = operation;
  record->call = number;
  record->begin = plan::ticks();
  return record;
}

long call_traced(long number, long a, long b, long c, long d, long e, long f) {
  plan::TraceRecord* record = begin_record(current_operation, static_cast<int32_t>(number));
  const long arguments[] = {a, b, c, d, e, f};
  for (int i = 0; record && i < 6; i++) record->arguments[i] = static_cast<uint64_t>(arguments[i]);
  const long result = call_kernel(number, a, b, c, d, e, f);
  if (!record) return result;
  record->end = plan::ticks();
  record->result = result;
  return result;
}

}  // namespace tare::init
