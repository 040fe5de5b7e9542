#include "runtime/container.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "plan/print.h"
#include "runtime/failure.h"
#include "runtime/init_image.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

using plan::Input;
using plan::Message;

// What the cloned child needs; it allocates nothing.
struct Launch {
  int image, list;
  const int* inherited;
  std::size_t inherited_count;
};

[[noreturn]] void enter_init(void* argument) {
  const auto* launch = static_cast<const Launch*>(argument);
  for (std::size_t i = 0; i < launch->inherited_count; i++)
    if (launch->inherited[i] >= 0) ::syscall(SYS_fcntl, launch->inherited[i], F_SETFD, 0);
  ::syscall(SYS_dup3, launch->list, plan::list_descriptor, 0);
  const char* const arguments[] = {"tare-init", nullptr};
  const char* const environment[] = {nullptr};
  ::syscall(SYS_execveat, launch->image, "", arguments, environment, AT_EMPTY_PATH);
  for (;;) ::syscall(SYS_exit_group, 254);
}

constexpr int exec_failed = 254;

// A clone of a shared mount is its peer: without more, what is mounted on the host later would appear in the
// container, and what is mounted in the container on the host (mount_namespaces(7)).
sys::UniqueFd open_bind(const Input& input) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
  sys::UniqueFd fd(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, input.path.c_str(), flags)));
  if (!fd) throw system_error(format("cannot take {} for a mount", input.path));
  mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  if (::syscall(SYS_mount_setattr, fd.number(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                sizeof attributes) != 0)
    throw system_error(format("cannot make the mount of {} private", input.path));
  return fd;
}

// Opens what the plan's inputs name; the numbers go into the slots.
class Slots {
 public:
  Slots(const plan::Program& program, const cgroup::Cgroup& cgroup, const Streams& streams)
      : numbers_(static_cast<std::size_t>(program.slot_count), -1) {
    std::vector<sys::UniqueFd> joins = cgroup.open_joins();
    std::size_t next_join = 0;
    for (const auto& input : program.inputs) {
      switch (input.what) {
        case Input::What::bind: own(input.slot, open_bind(input)); break;
        case Input::What::directory:
          own(input.slot, sys::open_at(sys::here, input.path, O_PATH | O_DIRECTORY));
          break;
        case Input::What::cgroup_join: own(input.slot, std::move(joins.at(next_join++))); break;
        case Input::What::stream: own(input.slot, copy(stream(streams, input.path))); break;
      }
    }
  }

  const std::vector<int>& numbers() const { return numbers_; }

 private:
  static sys::Fd stream(const Streams& streams, const std::string& name) {
    return name == "stdin" ? streams.input : name == "stdout" ? streams.output : streams.error;
  }
  static sys::UniqueFd copy(sys::Fd fd) {
    sys::UniqueFd copied(::fcntl(fd.number(), F_DUPFD_CLOEXEC, plan::list_descriptor + 1));
    if (!copied) throw system_error("cannot duplicate a descriptor");
    return copied;
  }
  // Init's list takes the place of descriptor 3, so nothing that init inherits may be there.
  void own(std::int32_t slot, sys::UniqueFd fd) {
    if (fd.number() <= plan::list_descriptor) fd = copy(fd);
    numbers_.at(static_cast<std::size_t>(slot)) = fd.number();
    owned_.push_back(std::move(fd));
  }

  std::vector<int> numbers_;
  std::vector<sys::UniqueFd> owned_;
};

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
  return pair;
}

sys::UniqueFd make_list(const std::string& bytes) {
  sys::UniqueFd list(::memfd_create("tare-list", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!list) throw system_error("cannot make a memory file");
  sys::write_all(list, bytes);
  // The size is sealed: a shorter file would make the parent's reads fault.
  if (::fcntl(list.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    throw system_error("cannot seal a memory file");
  return list;
}

}  // namespace

Container Container::create(const plan::Program& program, const cgroup::Cgroup& cgroup,
                            const Streams& streams) {
  SocketPair sockets = make_sync_sockets();
  const Slots slots(program, cgroup, streams);
  const sys::UniqueFd image = make_init_image();

  Container container;
  container.program_ = &program;
  container.list_ = make_list(plan::encode(program, slots.numbers(), sockets.theirs.number()));
  container.sync_ = std::move(sockets.ours);
  std::vector<int> inherited = slots.numbers();
  inherited.push_back(sockets.theirs.number());
  Launch launch{image.number(), container.list_.number(), inherited.data(), inherited.size()};
  const sys::UniqueFd unified = cgroup.open_unified();
  sys::Child child = sys::clone_child(program.namespaces, unified, enter_init, &launch);
  container.pid_ = child.pid;
  container.pidfd_ = std::move(child.pidfd);
  sockets.theirs.reset();
  container.serve_until_ready();
  return container;
}

Container::~Container() {
  if (!pidfd_ || reaped_) return;
  sys::kill_process(pidfd_);
  ::waitpid(pid_, nullptr, 0);
}

bool Container::receive(Message& message) {
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n;
  do n = ::recvmsg(sync_.number(), &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != ECONNRESET) throw system_error("cannot read from the container's first process");
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); n > 0 && c; c = CMSG_NXTHDR(&header, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      console_ = sys::UniqueFd(fd);
    }
  return n == sizeof message;
}

void Container::serve_until_ready() {
  Message message{};
  while (receive(message)) {
    if (message.type == Message::Type::sync) return;
    if (message.type == Message::Type::failed) fail();
  }
  fail_silently();
}

void Container::start() {
  const Message go{.type = Message::Type::proceed, .value = 0};
  if (::send(sync_.number(), &go, sizeof go, MSG_NOSIGNAL) != sizeof go) fail_silently();
  Message message{};
  if (receive(message)) fail();
  // The end of the conversation: either the socket closed by the exec, or the process ended before it.
  plan::Report report{};
  if (::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) != sizeof report)
    throw system_error("cannot read the report of the container's first process");
  if (report.error != 0) fail();
  sync_.reset();
}

void Container::fail() {
  plan::Report report{};
  if (::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) != sizeof report)
    throw system_error("cannot read the report of the container's first process");
  // Init still waits, so its root is there to be looked at.
  const sys::UniqueFd root = sys::try_open_at(sys::here, format("/proc/{}/root", pid_), O_PATH | O_DIRECTORY);
  Error error = describe_failure(*program_, report, root);
  sync_.reset();
  wait();
  throw error;  // NOLINT(misc-throw-by-value-catch-by-reference): described before the wait, thrown after it
}

// No report: killed, or never became tare-init.
void Container::fail_silently() {
  plan::Report report{};
  const bool known =
      ::pread(list_.number(), &report, sizeof report, offsetof(plan::List, report)) == sizeof report &&
      report.operation < program_->entries.size();
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
