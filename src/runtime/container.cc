#include "runtime/container.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "plan/print.h"
#include "runtime/failure.h"
#include "runtime/from_outside.h"
#include "runtime/init_image.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"

#ifndef SO_PASSPIDFD  // Linux 6.5; Debian 12's headers are older
#define SO_PASSPIDFD 76
#define SCM_PIDFD 0x04
#endif

namespace tare::runtime {
namespace {

using plan::Input;
using plan::Message;

// What the cloned child needs; it allocates nothing.
struct Launch {
  int image, list;
  const int* inherited;
  std::size_t inherited_count;
  bool keeps_capabilities;  ///< born into a user namespace
};

// A process whose ids are not mapped yet loses every capability when it executes, but the ambient ones
// (capabilities(7)).
void raise_ambient_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capget, &header, data);
  for (auto& half : data) half.inheritable = half.permitted;
  ::syscall(SYS_capset, &header, data);
  for (int capability = 0; capability < 64; capability++)
    if (::syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) break;
}

constexpr int exec_failed = 254;

[[noreturn]] void leave() {
  for (;;) ::syscall(SYS_exit_group, exec_failed);
}

[[noreturn]] void enter_init(void* argument) {
  const auto* launch = static_cast<const Launch*>(argument);
  for (std::size_t i = 0; i < launch->inherited_count; i++)
    if (launch->inherited[i] >= 0 && ::syscall(SYS_fcntl, launch->inherited[i], F_SETFD, 0) != 0) leave();
  if (launch->keeps_capabilities) raise_ambient_capabilities();
  ::syscall(SYS_dup3, launch->list, plan::list_descriptor, 0);
  const char* const arguments[] = {"tare-init", nullptr};
  const char* const environment[] = {nullptr};
  ::syscall(SYS_execveat, launch->image, "", arguments, environment, AT_EMPTY_PATH);
  leave();
}

// The mount is the one that init holds, too: the descriptors are copies of each other.
void map_ids_of(const plan::Program& program, const Input& input, int mount, sys::Fd user_namespace) {
  if (input.ids == Input::Ids::kept) return;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace.number());
  if (::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return;
  if (input.ids == Input::Ids::mapped_if_possible) return;
  const bool is_layer = std::ranges::any_of(program.entries, [](const plan::Entry& entry) {
    return entry.kind == plan::Kind::new_filesystem && entry.text == "overlay";
  });
  throw Error(is_layer ? ErrorKind::no_overlay : ErrorKind::unsupported,
              format("cannot map the ids of {}", input.path), errno,
              is_layer ? "" : "its file system knows no idmapped mounts");
}

struct SocketPair {
  sys::UniqueFd ours, theirs;
};

SocketPair make_sync_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("cannot make a socket pair");
  SocketPair pair{sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
  if (pair.theirs.number() <= plan::list_descriptor)
    pair.theirs = sys::UniqueFd(::fcntl(pair.theirs.number(), F_DUPFD_CLOEXEC, plan::list_descriptor + 1));
  if (!pair.theirs) throw system_error("cannot duplicate a descriptor");
  // Init may fork: who goes on is told by the kernel, in this pid namespace's numbers.
  const int on = 1;
  if (::setsockopt(pair.ours.number(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    throw system_error("cannot ask for the sender of messages");
  // Linux 6.5; before, a filter that keeps pidfd_open(2) from us leaves a process's directory.
  if (sys::must_be_given_pidfds())
    (void)::setsockopt(pair.ours.number(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);
  return pair;
}

void fill_list(sys::Fd list, const std::string& bytes) {
  sys::write_all(list, bytes);
  const std::uint32_t size = plan::mapped_size(bytes);
  if (size > bytes.size() && ::ftruncate(list.number(), size) != 0)
    throw system_error("cannot make room for a trace in a memory file");
  // The size is sealed: nobody can take away what init has mapped. A file that is no memfd knows no seals
  // (EPERM on tmpfs, elsewhere EINVAL), and nobody has it but init and this process.
  if (::fcntl(list.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 && errno != EPERM &&
      errno != EINVAL)
    throw system_error("cannot seal a memory file");
}

}  // namespace

Container Container::create(const plan::Program& planned, const cgroup::Cgroup& cgroup,
                            const Streams& streams, const WhenMounted& when_mounted,
                            WhenFiltered when_filtered) {
  std::optional<recorder::Span> span(std::in_place, "open what the plan names");
  SocketPair sockets = make_sync_sockets();
  Container container;
  container.list_ = sys::make_memory_file("tare-list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  const Slots slots(planned, cgroup, streams, container.list_);
  if (slots.leaves_binds_to_init())
    container.changed_ = std::make_unique<plan::Program>(slots.as_init_can(planned));
  const plan::Program& program = container.changed_ ? *container.changed_ : planned;
  container.program_ = &program;
  container.when_filtered_ = std::move(when_filtered);
  for (const auto& entry : program.entries) {
    if (entry.kind == plan::Kind::load_filter) container.listener_slot_ = entry.into;
    container.forks_ahead_ += entry.kind == plan::Kind::fork_process;
  }
  span.emplace("prepare tare-init and its list");
  const sys::UniqueFd image = make_init_image();
  fill_list(container.list_,
            plan::encode(program, slots.numbers(), sockets.theirs.number(), InitTrace::capacity()));
  container.sync_ = std::move(sockets.ours);
  std::vector<int> inherited = slots.numbers();
  inherited.push_back(sockets.theirs.number());
  Launch launch{image.number(), container.list_.number(), inherited.data(), inherited.size(),
                program.user_namespace.has_value()};
  // One that joins a container is born in its cgroup by the fork in the list.
  const bool forks_into_cgroup = std::ranges::any_of(
      program.inputs, [](const Input& input) { return input.what == Input::What::cgroup; });
  span.emplace("make the container's first process");
  const sys::UniqueFd unified = forks_into_cgroup ? sys::UniqueFd() : cgroup.open_unified();
  sys::Child child = sys::clone_child(program.namespaces, unified, enter_init, &launch);
  container.pid_ = child.pid;
  container.pidfd_ = std::move(child.pidfd);
  sockets.theirs.reset();
  span.emplace("wait for tare-init to be ready", "", recorder::Span::Kind::wait);
  container.serve_until_ready(slots.numbers(), when_mounted);
  set_from_outside(container.pid_, program.settings);
  return container;
}

// Whoever joined the container by a fork (fork_process) is a child of this process, too, perhaps one of which
// nothing was heard yet; and the first process of a pid namespace ends only when all in it have been reaped.
Container::~Container() {
  if (!pidfd_ || reaped_ || let_go_) return;
  sys::kill_process(pidfd_);
  for (pid_t ended = 0; ended != pid_;)
    if (ended = ::waitpid(-1, nullptr, 0); ended < 0 && errno != EINTR) return;
}

bool Container::receive(Message& message) {
  // Until it goes on as itself, its memory may already be written by the one that will.
  if (listener_slot_ != plan::no_slot && forks_ahead_ == 0) watch_for_listener();
  if (listener_) watch_listener();
  iovec part{&message, sizeof message};
  // One descriptor and a pidfd are expected; what else fits is closed, and what does not the kernel closes.
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int)) + CMSG_LEN(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n;
  do n = ::recvmsg(sync_.number(), &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != ECONNRESET) throw system_error("cannot read from the container's first process");
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); n >= 0 && c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD) {
      const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; i++) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        sys::UniqueFd received(fd);
        if (i == 0) (c->cmsg_type == SCM_RIGHTS ? console_ : sender_pidfd_) = std::move(received);
      }
    } else if (c->cmsg_type == SCM_CREDENTIALS) {
      ucred sender;
      std::memcpy(&sender, CMSG_DATA(c), sizeof sender);
      sender_ = sender.pid;
    }
  }
  if (n != sizeof message) add_to_trace();
  return n == sizeof message;
}

// The process cannot say that it is filtered: it would have to make a call, and the answer to that may be
// what it waits for. So its memory is looked at.
void Container::watch_for_listener() {
  constexpr int milliseconds = 1;
  plan::List list{};
  if (::pread(list_.number(), &list, sizeof list, 0) != sizeof list)
    throw system_error("cannot read the list of the container's first process");
  const auto slots = reinterpret_cast<std::uint64_t>(list.slots) - plan::list_address;
  const auto place =
      static_cast<off_t>(slots + sizeof(std::int32_t) * static_cast<std::uint64_t>(listener_slot_));
  for (;;) {
    pollfd message{.fd = sync_.number(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&message, 1, milliseconds);
    std::int32_t number = -1;
    if (::pread(list_.number(), &number, sizeof number, place) != sizeof number)
      throw system_error("cannot read the list of the container's first process");
    if (number >= 0) {
      sys::UniqueFd listener(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd_.number(), number, 0)));
      if (!listener) throw system_error("cannot fetch the descriptor of the seccomp filter's listener");
      listener_slot_ = plan::no_slot;
      listener_ = sys::UniqueFd(::fcntl(listener.number(), F_DUPFD_CLOEXEC, plan::list_descriptor + 1));
      if (when_filtered_) when_filtered_(*this, std::move(listener));
      return;
    }
    if (ready > 0) return;
  }
}

// What was asked and is not yet taken can be seen at the descriptor; how long an answer takes is the
// listener's.
void Container::watch_listener() const {
  constexpr int step_ms = 100, patience_ms = 10'000;
  for (int waited = 0; waited < patience_ms;) {
    pollfd looked_at[] = {{.fd = sync_.number(), .events = POLLIN, .revents = 0},
                          {.fd = listener_.number(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(looked_at, 1, step_ms);
    if (ready != 0) return;
    waited = ::poll(looked_at + 1, 1, 0) > 0 && (looked_at[1].revents & POLLIN) ? waited + step_ms : 0;
  }
  throw Error(ErrorKind::system, "the seccomp listener takes no notifications", 0,
              "see whether it still runs: /linux/seccomp/listenerPath");
}

void Container::add_to_trace() {
  if (!recorder::is_on() || told_at_ != 0) return;
  told_at_ = recorder::now();
  const recorder::Span span("put what tare-init recorded into the trace");
  trace_.add_to_trace(*program_, list_, pid_, told_at_);
}

// The first process has ended, or is about to; its sibling is a child of ours, so its pid is its own until it
// is reaped.
void Container::follow_fork() {
  sys::UniqueFd sibling = sender_pidfd_ ? std::move(sender_pidfd_) : sys::try_open_process(sender_);
  siginfo_t state{};
  const bool is_ours =
      sibling && ::waitid(P_PID, static_cast<id_t>(sender_), &state, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (!is_ours) throw system_error("cannot hold the container's process");
  if (sender_ == pid_) refuse_nonsense();
  forks_ahead_--;
  sys::kill_process(pidfd_);
  sys::reap(pid_);
  pid_ = sender_;
  pidfd_ = std::move(sibling);
}

void Container::serve_until_ready(const std::vector<int>& slots, const WhenMounted& when_mounted) {
  Message message{};
  while (receive(message)) {
    if (message.type == Message::Type::sync) {
      const auto point = static_cast<plan::Sync>(message.value);
      if (point == plan::Sync::ready) return;
      if (point == plan::Sync::map && program_->user_namespace)
        map_ids(slots);
      else if (point == plan::Sync::mounted && when_mounted)
        when_mounted(*this);
      else
        refuse_nonsense();
      proceed();
    }
    if (message.type == Message::Type::forked) follow_fork();
    if (message.type == Message::Type::failed) fail();
  }
  fail_silently();
}

void Container::proceed() {
  const Message go{.type = Message::Type::proceed, .value = 0};
  if (::send(sync_.number(), &go, sizeof go, MSG_NOSIGNAL) == sizeof go) return;
  if (errno != EPIPE && errno != ECONNRESET)
    throw system_error("cannot write to the container's first process");
  fail_silently();
}

// What only the host's root may do for a user namespace, from outside.
void Container::map_ids(const std::vector<int>& slots) {
  const recorder::Span span("map the ids of the user namespace");
  const sys::UniqueFd process = sys::open_at(sys::here, format("/proc/{}", pid_), O_PATH | O_DIRECTORY);
  sys::write_to(process, "uid_map", program_->user_namespace->uid_map);
  sys::write_to(process, "gid_map", program_->user_namespace->gid_map);
  const sys::UniqueFd user_namespace = sys::open_at(process, "ns/user", O_RDONLY);
  for (const auto& input : program_->inputs)
    map_ids_of(*program_, input, slots[static_cast<std::size_t>(input.slot)], user_namespace);
  for (const auto& entry : program_->entries)
    if (entry.kind == plan::Kind::set_rlimit) raise_hard_limit(pid_, entry.slot, entry.b);
}

void Container::start() {
  const recorder::Span span("wait for tare-init to become the command", "", recorder::Span::Kind::wait);
  proceed();
  Message message{};
  if (receive(message)) fail();
  // The end of the conversation: either the socket closed by the exec, or the process ended before it.
  plan::Report report{};
  if (::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) != sizeof report)
    throw system_error("cannot read the report of the container's first process");
  if (report.error != 0) fail();
  if (report.operation + 1 != program_->entries.size()) fail_silently();
  sync_.reset();
  listener_.reset();
}

void Container::leave_at_gate() {
  proceed();
  Message message{};
  if (!receive(message)) fail_silently();
  if (message.type != Message::Type::sync) fail();
  sync_.reset();
  listener_.reset();
}

void Container::fail() {
  add_to_trace();
  plan::Report report{};
  if (::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) != sizeof report)
    throw system_error("cannot read the report of the container's first process");
  const recorder::Span span("find out why tare-init stopped, and wait for its end");
  // Init still waits, so its root is there to be looked at.
  const sys::UniqueFd root = sys::try_open_at(sys::here, format("/proc/{}/root", pid_), O_PATH | O_DIRECTORY);
  Error error = describe_failure(*program_, report, root);
  sync_.reset();
  sys::kill_process(pidfd_);
  wait();
  throw error;  // NOLINT(misc-throw-by-value-catch-by-reference): described before the wait, thrown after it
}

// Whoever that is, it need not end by itself.
void Container::refuse_nonsense() {
  sys::kill_process(pidfd_);
  wait();
  throw Error(ErrorKind::system, "the container's first process talks nonsense");
}

// No report: killed, or never became tare-init. One that only closed its socket is ended; the status of one
// that ended before stays what it is.
void Container::fail_silently() {
  sync_.reset();  // one that lives still, against all expectation, ends by this
  plan::Report report{};
  const bool known =
      ::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) == sizeof report &&
      report.operation < program_->entries.size();
  sys::kill_process(pidfd_);
  const int status = wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == exec_failed)
    throw Error(ErrorKind::unsupported, "tare-init could not be executed", 0,
                "neither memory files nor a tmpfs may hold programs here");
  if (WIFSIGNALED(status))
    throw Error(
        ErrorKind::system,
        format("the container's first process was killed by signal {} when it was to {}", WTERMSIG(status),
               known ? plan::words(*program_, program_->entries[report.operation]) : std::string("begin")),
        0, WTERMSIG(status) == SIGKILL ? "its memory limit may be too small" : "");
  throw Error(ErrorKind::system,
              format("the container's first process ended with status {}", WEXITSTATUS(status)));
}

int Container::wait() {
  const int status = sys::reap(pid_);
  reaped_ = true;
  return status;
}

}  // namespace tare::runtime
