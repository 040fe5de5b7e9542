// Operations about the process itself: its cgroups, namespaces, limits, and what it becomes.
#include "init/constants.h"
#include "init/kernel.h"
#include "init/operations.h"
#include "init/syscalls.h"
#include "init/text.h"
#include "sys/missing_call.h"

namespace tare::init {

using plan::Message;
using plan::Operation;

long set_name(const Operation& operation) { return call(__NR_prctl, pr_set_name, address(operation.text)); }

// A parent that died before sends no signal, and getppid(2) is 0 in a pid namespace of one's own; but its end
// of the socket is closed.
long die_with_parent(Context& context, const Operation& operation) {
  const long set = call(__NR_prctl, pr_set_pdeathsig, static_cast<long>(operation.a));
  if (set < 0) return set;
  Message message{};
  const long got = call(__NR_recvfrom, context.list->sync_socket, address(&message), sizeof message,
                        msg_peek | msg_dontwait, 0, 0);
  // ECONNRESET: it left without having read all that was sent.
  return got == 0 || got == -e_connreset ? -e_pipe : 0;
}

// Ignored signals and the mask survive execve(2), twice: what the caller of tare ignores is not the
// container's.
long reset_signals(const Operation& operation) {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
  } standard{};
  for (int signal = 1; signal <= 64; signal++) {
    if (!(operation.a & (uint64_t{1} << (signal - 1)))) continue;
    const long set = call(__NR_rt_sigaction, signal, address(&standard), 0, sizeof(uint64_t));
    if (set < 0) return set;
  }
  const uint64_t empty = 0;
  return call(__NR_rt_sigprocmask, sig_setmask, address(&empty), 0, sizeof empty);
}

long start_session() {
  const long session = call(__NR_setsid);
  return session < 0 ? session : 0;
}

// A thread that moves itself takes no lock and waits for no RCU grace period.
long join_cgroup(Context& context, const Operation& operation) {
  const long written = call(__NR_write, descriptor(context, operation.slot), address("0"), 1);
  return written < 0 ? written : 0;
}

long unshare(const Operation& operation) { return call(__NR_unshare, static_cast<long>(operation.a)); }

// The host's /proc: there is no other one yet.
long set_time_offsets(const Operation& operation) {
  const long file =
      call(__NR_openat, at_fdcwd, address("/proc/self/timens_offsets"), o_wronly | o_cloexec, 0);
  if (file < 0) return file;
  const long written =
      call(__NR_write, file, address(operation.text), static_cast<long>(length(operation.text)));
  close(static_cast<int>(file));
  return written < 0 ? written : 0;
}

// Before a namespace is joined whose processes could otherwise read and trace this one (CVE-2016-9962).
long hide_memory() { return call(__NR_prctl, pr_set_dumpable, 0, 0, 0, 0); }

long join_namespaces(Context& context, const Operation& operation) {
  return join(descriptor(context, operation.slot), operation.a);
}

namespace {

// A cgroup that has others below it and shares its resources out to them, or that is gone.
bool takes_nobody(long result) { return result == -e_busy || result == -e_noent || result == -e_nodev; }

}  // namespace

// A process does not enter the pid namespace that it joins, its children do; with CLONE_PARENT the child is
// its parent's own. Joining the cgroup comes after this: a limit of one process would else refuse the fork.
long fork_process(Context& context, const Operation& operation) {
  // If the cgroup takes nobody, the first process was moved to the other one.
  const int cgroup = descriptor(context, operation.slot), other = descriptor(context, operation.into);
  int born_in = cgroup >= 0 ? cgroup : other;
  long child = clone_sibling(born_in);
  if (other >= 0 && takes_nobody(child)) child = clone_sibling(born_in = other);
  // A limit of processes keeps new ones out, and not those that move in (Documentation/admin-guide/cgroup-v2,
  // "PID"). On older kernels all move.
  const bool moves = born_in >= 0 && (child == -e_again || sys::is_missing(-child));
  if (moves) child = clone_sibling(-1);
  if (child < 0) return child;
  if (child > 0)
    for (;;) call(__NR_exit_group, 0);
  long moved = moves ? move_into(born_in) : 0;
  if (other >= 0 && takes_nobody(moved)) moved = move_into(other);
  if (moved < 0) return moved;
  Message message{.type = Message::Type::forked, .value = 0};
  const long sent =
      call(__NR_sendto, context.list->sync_socket, address(&message), sizeof message, msg_nosignal, 0, 0);
  return sent < 0 ? sent : 0;
}

long set_hostname(const Operation& operation) {
  return call(__NR_sethostname, address(operation.text), static_cast<long>(length(operation.text)));
}

long set_domainname(const Operation& operation) {
  return call(__NR_setdomainname, address(operation.text), static_cast<long>(length(operation.text)));
}

long raise_loopback() {
  const long socket = call(__NR_socket, af_inet, sock_dgram_cloexec, 0);
  if (socket < 0) return socket;
  struct {
    char name[16];
    int16_t flags;
    char more[22];
  } request{"lo", iff_up, {}};  // a new one has no other that could be lost
  const long result = call(__NR_ioctl, socket, siocsifflags, address(&request));
  close(static_cast<int>(socket));
  return result;
}

long join_keyring(const Operation& operation) {
  // Refused by a filter (inside another container), the container's processes cannot reach any keyring
  // either.
  const long keyring = call(__NR_keyctl, keyctl_join_session_keyring, address(operation.text));
  return keyring < 0 && keyring != -e_perm && keyring != -e_nosys ? keyring : 0;
}

long set_rlimit(const Operation& operation) {
  const uint64_t limit[2] = {operation.a, operation.b};
  return call(__NR_prlimit64, 0, operation.slot, address(limit), 0);
}

long set_umask(const Operation& operation) {
  call(__NR_umask, static_cast<long>(operation.a));
  return 0;
}

long set_personality(const Operation& operation) {
  const long before = call(__NR_personality, static_cast<long>(operation.a));
  return before < 0 ? before : 0;
}

// The kernel takes one bit less than it is told.
long set_memory_policy(const Operation& operation) {
  return call(__NR_set_mempolicy, static_cast<long>(operation.a),
              address(static_cast<const void*>(operation.list)), static_cast<long>(operation.b) + 1);
}

long synchronise(Context& context, const Operation& operation) {
  const int socket = context.list->sync_socket;
  Message message{.type = Message::Type::sync, .value = static_cast<uint32_t>(operation.a)};
  const long sent = call(__NR_sendto, socket, address(&message), sizeof message, msg_nosignal, 0, 0);
  if (sent < 0) return sent;
  long got;
  do got = call(__NR_recvfrom, socket, address(&message), sizeof message, 0, 0, 0);
  while (got == -e_intr);
  if (got < 0) return got;
  if (got == 0) return -e_pipe;  // the parent is gone
  return message.type == Message::Type::proceed ? 0 : -e_proto;
}

long find_program(const Operation& operation) {
  long result = -e_noent;
  for (uint32_t i = 0; result != 0 && operation.list[i]; i++) {
    const long found = may_execute(operation.list[i]);
    if (found == 0 || found == -e_acces) result = found;
  }
  return result;
}

long place_descriptor(Context& context, const Operation& operation) {
  const long placed = call(__NR_dup3, descriptor(context, operation.slot), static_cast<long>(operation.a), 0);
  return placed < 0 ? placed : 0;
}

long close_descriptors(Context& context, const Operation& operation) {
  // The sync socket stays, to report a failing exec; it is close-on-exec.
  const int socket = context.list->sync_socket, first = 3 + static_cast<int>(operation.a);
  const long result = socket > first ? close_range(first, socket - 1) : 0;
  return result < 0 ? result : close_range(socket + 1, -1);
}

// As execvp(3): the first candidate that can be run; EACCES is remembered, what does not exist is passed
// over.
long execute(Context& context, const Operation& operation) {
  long result = -e_noent;
  for (uint32_t i = 0; operation.list[i]; i++) {
    const long error = call(__NR_execve, address(operation.list[i]), static_cast<long>(operation.a),
                            static_cast<long>(operation.b));
    if (error == -e_noent || error == -e_notdir) continue;
    context.list->report.detail = i;
    result = error;
    if (error != -e_acces) break;
  }
  return result;
}

}  // namespace tare::init
