// A first process that does whatever it was told instead of what is on its list: it has the list, the socket
// to its parent, and a file whose bytes are its orders.
#include <stddef.h>

#include "init/constants.h"
#include "init/syscalls.h"
#include "plan/operations.h"

namespace {

using namespace tare;
using init::address;

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  return init::call_kernel(number, a, b, c, d, e, f);
}

constexpr long longest_script = 4096;
unsigned char script[longest_script];
long script_size = 0, at = 0;

unsigned next() { return at < script_size ? script[at++] : 0; }
unsigned long next_number(int bytes) {
  unsigned long number = 0;
  for (int i = 0; i < bytes; i++) number = number << 8 | next();
  return number;
}

// A message of any size with up to three descriptors, which are those of the list.
void say(int socket, unsigned size, unsigned descriptors) {
  plan::Message message[2] = {{static_cast<plan::Message::Type>(next()), next()}, {}};
  struct {
    void* base;
    size_t size;
  } part{message, size};
  struct {
    size_t size;
    int level, type;
    int fds[4];
  } control{sizeof(size_t) + 2 * sizeof(int) + descriptors * sizeof(int),
            init::sol_socket,
            init::scm_rights,
            {3, 3, 3, 3}};
  struct {
    void* name;
    unsigned name_size;
    void* parts;
    size_t part_count;
    void* control;
    size_t control_size;
    int flags;
  } header{nullptr, 0, &part, 1, descriptors ? &control : nullptr, descriptors ? sizeof control : 0, 0};
  call(__NR_sendmsg, socket, address(&header), init::msg_nosignal);
}

}  // namespace

extern "C" [[noreturn, gnu::used]] void misbehave() {
  // The head of the list, and the slot behind which the orders are: the last one.
  plan::List list;
  call(__NR_pread64, plan::list_descriptor, address(&list), sizeof list, 0);
  int orders = -1;
  call(__NR_pread64, plan::list_descriptor, address(&orders), sizeof orders,
       static_cast<long>(reinterpret_cast<unsigned long>(list.slots) - plan::list_address +
                         (list.slot_count - 1) * sizeof(int)));
  script_size = call(__NR_pread64, orders, address(script), longest_script, 0);
  while (at < script_size) {
    switch (next() % 6) {
      case 0: say(list.sync_socket, sizeof(plan::Message), 0); break;
      case 1: {
        const unsigned shape = next();
        say(list.sync_socket, shape % 16, shape / 16 % 4);
        break;
      }
      case 2: {  // a report, or anything else anywhere in the list
        const unsigned where = next();
        const plan::Report report{static_cast<uint32_t>(next_number(where % 2 ? 1 : 4)),
                                  static_cast<int32_t>(next_number(2)),
                                  static_cast<uint32_t>(next_number(where % 4 ? 1 : 4))};
        call(__NR_pwrite64, plan::list_descriptor, address(&report), sizeof report,
             where < 200 ? static_cast<long>(offsetof(plan::List, report))
                         : static_cast<long>(next_number(1)));
        break;
      }
      case 3: {  // hears what the parent says, if it does
        plan::Message message;
        call(__NR_recvfrom, list.sync_socket, address(&message), sizeof message, init::msg_dontwait, 0, 0);
        break;
      }
      case 4: {  // a sibling goes on, or a child does
        const long child =
            call(__NR_clone,
                 next() % 2 ? static_cast<long>(init::clone_parent) | init::sig_child : init::sig_child);
        if (child > 0) call(__NR_exit_group, 0);
        break;
      }
      default: call(__NR_close, list.sync_socket); break;
    }
  }
  const long how = next();
  if (script_size > 0 && script[0] % 3 == 0) call(__NR_kill, call(__NR_getpid), init::sig_kill);
  for (;;) call(__NR_exit_group, script_size > 0 ? script[0] : how);
}

__asm__(".global _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall misbehave\n\thlt\n");

extern "C" [[gnu::used]] void* memset(void* to, int value, size_t size) {
  auto* p = static_cast<volatile unsigned char*>(to);
  while (size--) *p++ = static_cast<unsigned char>(value);
  return to;
}
