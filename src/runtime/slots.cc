#include "runtime/slots.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/foreign_mount.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

using plan::Input;

// A clone of a shared mount is its peer: without more, what is mounted on the host later would appear in the
// container, and what is mounted in the container on the host (mount_namespaces(7)).
sys::UniqueFd open_tree(const Input& input) {
  if (!input.mount_namespace.empty())
    return clone_foreign_tree(input.mount_namespace, input.path, input.recursive);
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
  sys::UniqueFd fd(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, input.path.c_str(), flags)));
  if (!fd && !sys::is_missing(errno)) {
    const int number = errno;
    throw system_error(number, format("cannot take {} for a mount", input.path),
                       number == EINVAL && !input.recursive && !sys::in_first_user_namespace()
                           ? "in a user namespace what is mounted below must stay: use rbind"
                           : "");
  }
  return fd;
}

bool try_make_private(sys::Fd mount) {
  mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  return ::syscall(SYS_mount_setattr, mount.number(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                   sizeof attributes) == 0;
}

// Invalid where the kernel knows no mounts that are not attached: then init makes it.
sys::UniqueFd open_bind(const Input& input) {
  sys::UniqueFd fd = open_tree(input);
  if (!fd || try_make_private(fd)) return fd;
  if (!sys::is_missing(errno)) throw system_error(format("cannot make the mount of {} private", input.path));
  return {};
}

void check_older_bind(const Input& input) {
  if (input.mount_namespace.empty() && input.ids != Input::Ids::mapped) {
    (void)sys::open_at(sys::here, input.path, O_PATH);
    return;
  }
  throw Error(ErrorKind::unsupported,
              input.ids == Input::Ids::mapped ? format("cannot map the ids of {}", input.path)
                                              : format("cannot take {} of another container", input.path),
              ENOSYS, "it takes Linux 5.12, and a filter that lets open_tree and mount_setattr pass");
}

sys::Fd stream(const Streams& streams, const std::string& name) {
  return name == "stdin" ? streams.input : name == "stdout" ? streams.output : streams.error;
}

sys::UniqueFd copy(sys::Fd fd) {
  sys::UniqueFd copied(::fcntl(fd.number(), F_DUPFD_CLOEXEC, plan::list_descriptor + 1));
  if (!copied) throw system_error("cannot duplicate a descriptor");
  return copied;
}

// As init does it where it may: what is a device stays as it is.
void give_away(sys::Fd fd, const std::optional<std::uint32_t>& owner) {
  struct stat status;
  if (owner && ::fstat(fd.number(), &status) == 0 && !S_ISCHR(status.st_mode))
    (void)!::fchown(fd.number(), *owner, static_cast<gid_t>(-1));
}

}  // namespace

Slots::Slots(const plan::Program& program, const cgroup::Cgroup& cgroup, const Streams& streams, sys::Fd list)
    : numbers_(static_cast<std::size_t>(program.slot_count), -1) {
  std::vector<sys::UniqueFd> joins = cgroup.open_joins();
  std::size_t next_join = 0;
  for (const auto& input : program.inputs) {
    switch (input.what) {
      case Input::What::bind:
        if (sys::UniqueFd mount = open_bind(input)) {
          own(input.slot, std::move(mount));
        } else {
          check_older_bind(input);
          left_to_init_.push_back(input);
        }
        break;
      case Input::What::directory:
        own(input.slot, sys::open_at(sys::here, input.path, O_PATH | O_DIRECTORY));
        break;
      case Input::What::cgroup_join: own(input.slot, std::move(joins.at(next_join++))); break;
      case Input::What::further_join: own(input.slot, sys::open_at(sys::here, input.path, O_WRONLY)); break;
      case Input::What::stream:
        own(input.slot, copy(stream(streams, input.path)));
        give_away(owned_.back(), input.owner);
        break;
      case Input::What::process: own(input.slot, copy(streams.process)); break;
      case Input::What::name_space: own(input.slot, sys::open_at(sys::here, input.path, O_RDONLY)); break;
      case Input::What::gate: own(input.slot, copy(streams.gate)); break;
      case Input::What::list: own(input.slot, copy(list)); break;
      case Input::What::passed_on: own(input.slot, copy(sys::Fd(std::stoi(input.path)))); break;
      case Input::What::cgroup:
        // Where there is no v2, or none for this container, the slot stays empty.
        if (sys::UniqueFd unified = cgroup.open_unified()) own(input.slot, std::move(unified));
        break;
    }
  }
}

plan::Program Slots::as_init_can(const plan::Program& program) const {
  plan::Program changed = program;
  const auto at = std::ranges::find(changed.entries, plan::Kind::set_propagation, &plan::Entry::kind);
  std::vector<plan::Entry> binds;
  for (const Input& input : left_to_init_)
    binds.push_back(
        {.kind = plan::Kind::clone_tree, .into = input.slot, .a = input.recursive, .path = input.path});
  changed.entries.insert(at == changed.entries.end() ? at : at + 1, binds.begin(), binds.end());
  return changed;
}

// Init's list takes the place of descriptor 3, so nothing that init inherits may be there.
void Slots::own(std::int32_t slot, sys::UniqueFd fd) {
  if (fd.number() <= plan::list_descriptor) fd = copy(fd);
  numbers_.at(static_cast<std::size_t>(slot)) = fd.number();
  owned_.push_back(std::move(fd));
}

}  // namespace tare::runtime
