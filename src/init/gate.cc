// Waiting to be started by another process than the one that made the container.
#include "init/constants.h"
#include "init/operations.h"
#include "init/syscalls.h"

namespace tare::init {

using plan::Message;
using plan::Operation;

namespace {

// Whoever is at the other end may be gone or only curious (EOF); then the next one gets his turn.
bool says_proceed(int socket) {
  Message message{};
  long got;
  do got = call(__NR_recvfrom, socket, address(&message), sizeof message, 0, 0, 0);
  while (got == -e_intr);
  return got == sizeof message && message.type == Message::Type::proceed;
}

}  // namespace

long await_start(Context& context, const Operation& operation) {
  const int gate = descriptor(context, operation.slot), list = descriptor(context, operation.into);
  long result = call(__NR_prctl, pr_set_pdeathsig, 0);
  const Message waiting{.type = Message::Type::sync, .value = static_cast<uint32_t>(plan::Sync::waiting)};
  if (result == 0)
    result =
        call(__NR_sendto, context.list->sync_socket, address(&waiting), sizeof waiting, msg_nosignal, 0, 0);
  if (result < 0) return result;
  close(context.list->sync_socket);
  for (;;) {
    const long accepted = call(__NR_accept4, gate, 0, 0, o_cloexec);
    if (accepted == -e_intr || accepted == -e_connaborted) continue;
    if (accepted < 0) return accepted;
    const int socket = static_cast<int>(accepted);
    if (send_descriptor(socket, Message::Type::list, list) == 0 && says_proceed(socket)) {
      context.list->sync_socket = socket;
      return 0;
    }
    close(socket);
  }
}

}  // namespace tare::init
