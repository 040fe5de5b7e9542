// The operation with which tare-init stays: a first process that passes signals on and reaps, for programs
// that do not do it themselves.
#include "init/constants.h"
#include "init/operations.h"
#include "init/syscalls.h"

namespace tare::init {
namespace {

// A process group of its own, in the foreground of the terminal if there is one, so that what is typed there
// reaches the program and not this process. All signals are blocked, or SIGTTOU would stop it here.
void begin_child(uint64_t mask) {
  call(__NR_setpgid, 0, 0);
  const int group = static_cast<int>(call(__NR_getpid));
  call(__NR_ioctl, 0, tiocspgrp, address(&group));
  // Where the pid namespace is not its own, it would outlive this process.
  call(__NR_prctl, pr_set_pdeathsig, sig_kill);
  call(__NR_rt_sigprocmask, sig_setmask, address(&mask), 0, sizeof mask);
}

int exit_code(int status) {
  const int signal = status & 0x7f;
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
}

// Reaps all that have ended; ends as `child` when that is among them.
void reap_ended(long child) {
  for (;;) {
    int status = 0;
    const long ended = call(__NR_wait4, -1, address(&status), wait_no_hang, 0);
    if (ended <= 0) return;
    if (ended == child)
      for (;;) call(__NR_exit_group, exit_code(status));
  }
}

}  // namespace

long supervise(Context& context) {
  // Signals are waited for, not handled; blocked ones reach even the first process of a pid namespace.
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  call(__NR_rt_sigprocmask, sig_setmask, address(&all), address(&before), sizeof all);
  call(__NR_prctl, pr_set_child_subreaper, 1, 0, 0, 0);
  const long child = call(__NR_clone, sig_child, 0, 0, 0, 0);
  if (child < 0) return child;
  if (child == 0) {
    begin_child(before);
    return 0;
  }
  // Whoever waits at its other end waits for the child alone.
  close(context.list->sync_socket);
  for (;;) {
    const long signal = call(__NR_rt_sigtimedwait, address(&all), 0, 0, sizeof all);
    if (signal == sig_child)
      reap_ended(child);
    else if (signal > 0)
      call(__NR_kill, child, signal);
  }
}

}  // namespace tare::init
