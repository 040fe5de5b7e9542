// Operations on the terminal and the three standard streams.
#include <stddef.h>

#include "init/constants.h"
#include "init/kernel.h"
#include "init/operations.h"
#include "init/syscalls.h"

namespace tare::init {

using plan::Message;
using plan::Operation;

long send_descriptor(int socket, Message::Type type, int fd) {
  Message message{.type = type, .value = 0};
  struct {
    void* base;
    size_t size;
  } part{&message, sizeof message};
  struct {
    size_t size;
    int level, type;
    int fd, padding;
  } control{sizeof(size_t) + 2 * sizeof(int) + sizeof(int), sol_socket, scm_rights, fd, 0};
  struct {
    void* name;
    uint32_t name_size;
    void* parts;
    size_t part_count;
    void* control;
    size_t control_size;
    int flags;
  } header{nullptr, 0, &part, 1, &control, sizeof control, 0};
  const long sent = call(__NR_sendmsg, socket, address(&header), msg_nosignal);
  return sent < 0 ? sent : 0;
}

namespace {

long open_beneath(int directory, const char* path, uint64_t flags) {
  const OpenHow how{.flags = flags | o_cloexec, .mode = 0, .resolve = resolve_in_root | resolve_no_symlinks};
  return open_how(directory, path, how);
}

// /dev/console shows the terminal; bound from its descriptor, never from a /dev/pts path (CVE-2025-52565).
long bind_console(int directory, const char* name, int terminal) {
  long result = call(__NR_mknodat, directory, address(name), static_cast<long>(s_ifreg | 0600), 0);
  if (result < 0 && result != -e_exist) return result;
  const long target = open_beneath(directory, name, o_path | o_nofollow);
  if (target < 0) return target;
  result = clone_mount(terminal, "", false);
  if (result >= 0) {
    const int clone = static_cast<int>(result);
    result = move_mount(clone, static_cast<int>(target));
    close(clone);
  }
  close(static_cast<int>(target));
  return result;
}

}  // namespace

long open_console(Context& context, const Operation& operation) {
  const int dev = descriptor(context, operation.slot);
  const long controller = open_beneath(dev, "pts/ptmx", o_rdwr | o_noctty);
  if (controller < 0) return controller;
  Statx status{};
  long result = call(__NR_statx, controller, address(""), at_empty_path, statx_basic, address(&status));
  if (result == 0 && (status.rdev_major != 5 || status.rdev_minor != 2)) result = -e_inval;
  const int unlocked = 0;
  if (result == 0) result = call(__NR_ioctl, controller, tiocsptlck, address(&unlocked));
  if (result == 0) result = call(__NR_ioctl, controller, tiocgptpeer, o_rdwr | o_noctty | o_cloexec);
  if (result >= 0) {
    const int terminal = static_cast<int>(result);
    const uint16_t size[4] = {static_cast<uint16_t>(operation.a >> 16), static_cast<uint16_t>(operation.a), 0,
                              0};
    call(__NR_ioctl, terminal, tiocswinsz, address(size));
    result = call(__NR_fchown, terminal, static_cast<long>(operation.b), -1);
    if (result == 0 && operation.text) result = bind_console(dev, operation.text, terminal);
    if (result == 0)
      result =
          send_descriptor(context.list->sync_socket, Message::Type::console, static_cast<int>(controller));
    if (result == 0)
      result = keep(context, operation.into, terminal);
    else
      close(terminal);
  }
  close(static_cast<int>(controller));
  return result;
}

long set_terminal(Context& context, const Operation& operation) {
  return call(__NR_ioctl, descriptor(context, operation.slot), tiocsctty, 0);
}

static bool is_null(const Statx& status) {
  return (status.mode & s_ifmt) == s_ifchr && status.rdev_major == 1 && status.rdev_minor == 3;
}

static long status_of(int fd, Statx& status) {
  return call(__NR_statx, fd, address(""), at_empty_path, statx_basic, address(&status));
}

// The container's own; -e_inval: something else is there.
static long own_null(Context& context) {
  const long null =
      open_beneath(descriptor(context, plan::root_slot), "/dev/null", o_rdwr | o_noctty | o_nonblock);
  if (null < 0) return null;
  Statx status{};
  const long result = status_of(static_cast<int>(null), status);
  // Opened without waiting, for what is not one may want that; as a stream it is as any other.
  if (result == 0 && is_null(status)) {
    call(__NR_fcntl, null, f_setfl, o_rdwr);
    return null;
  }
  close(static_cast<int>(null));
  return result < 0 ? result : -e_inval;
}

long open_null(Context& context, const Operation& operation) {
  const long null = own_null(context);
  return null < 0 ? null : keep(context, operation.into, null);
}

// Through the host's null device a container could change the host's mode of it, and no checkpoint can hold
// what lies outside. Where the container has none, it keeps that one.
static long replace_null(Context& context, int stream) {
  const long null = own_null(context);
  constexpr int other_things[] = {e_noent, e_inval, e_loop, e_notdir, e_nxio};
  for (const int other : other_things)
    if (null == -other) return 0;
  if (null < 0) return null;
  const long result = call(__NR_dup3, null, stream, 0);
  close(static_cast<int>(null));
  return result < 0 ? result : 0;
}

long set_streams(Context& context, const Operation& operation) {
  for (int stream = 0; stream < 3; stream++) {
    const int fd = descriptor(context, static_cast<int16_t>(operation.a >> (16 * stream)));
    long result = fd == stream ? 0 : call(__NR_dup3, fd, stream, 0);
    if (result < 0) return result;
    Statx status{};
    if (status_of(stream, status) != 0) continue;
    // The container's user may open /dev/stdout again, so pipes are his; what is a device stays as it is.
    if ((status.mode & s_ifmt) != s_ifchr)
      call(__NR_fchown, stream, static_cast<long>(operation.b), -1);
    else if (operation.flags & 1U << stream && is_null(status))
      result = replace_null(context, stream);
    if (result < 0) return result;
  }
  return 0;
}

}  // namespace tare::init
