// Operations about the process itself: its cgroups, namespaces, limits, and what it becomes.
#include "init/constants.h"
#include "init/operations.h"
#include "init/syscalls.h"
#include "init/text.h"

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
  for (int signal = 1; signal <= 64; signal++)
    if (operation.a & (uint64_t{1} << (signal - 1)))
      call(__NR_rt_sigaction, signal, address(&standard), 0, sizeof(uint64_t));
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

long set_hostname(const Operation& operation) {
  return call(__NR_sethostname, address(operation.text), static_cast<long>(length(operation.text)));
}

long raise_loopback() {
  const long socket = call(__NR_socket, af_inet, sock_dgram_cloexec, 0);
  if (socket < 0) return socket;
  struct {
    char name[16];
    int16_t flags;
    char more[22];
  } request{"lo", 0, {}};
  long result = call(__NR_ioctl, socket, siocgifflags, address(&request));
  request.flags |= iff_up;
  if (result == 0) result = call(__NR_ioctl, socket, siocsifflags, address(&request));
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

long close_descriptors(Context& context) {
  // The sync socket stays, to report a failing exec; it is close-on-exec.
  const int socket = context.list->sync_socket;
  if (socket > 3) call(__NR_close_range, 3, socket - 1, 0);
  return call(__NR_close_range, socket + 1, ~0u, 0);
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
