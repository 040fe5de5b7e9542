// tare-init's interpreter: carries out an operation list, one short function per operation.
#pragma once

#include "plan/operations.h"

namespace tare::init {

/// What operations share while the list runs.
struct Context {
  plan::List* list;
  bool mask_attached = false;  ///< the empty file system for masked directories hangs somewhere already
  bool null_checked = false;   ///< the node for masked files is what it says
  int new_tmpfs = -1;          ///< the file system that was made last, if it is one
  /// The tmpfs that was mounted last, while nothing else was but into it: where, and its descriptor.
  const char* top_path = nullptr;
  int top = -1;
};

/// Carries out one operation; 0 or a negative errno.
long perform(Context& context, const plan::Operation& operation);

/// Carries out the whole list. Returns only when an operation failed, which is then in List::report.
void run(Context& context);

/// Tells the parent that the list stopped at List::report and waits until it has looked (or is gone).
void report_failure(const plan::List& list);

}  // namespace tare::init
