#include "runtime/slots.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/mount_inputs.h"
#include "sys/file.h"

namespace tare::runtime {
namespace {

using plan::Input;

sys::Fd stream(const Streams& streams, const std::string& name) {
  return name == "stdin" ? streams.input : name == "stdout" ? streams.output : streams.error;
}

int number_of(const std::string& stream) {
  return stream == "stdin" ? STDIN_FILENO : stream == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
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
      case Input::What::copied_tmpfs: own(input.slot, make_copied_tmpfs(input, cgroup)); break;
      case Input::What::user_namespace: own(input.slot, open_user_namespace(*input.id_source)); break;
      case Input::What::directory:
        own(input.slot, sys::open_at(sys::here, input.path, O_PATH | O_DIRECTORY));
        break;
      case Input::What::cgroup_join: own(input.slot, std::move(joins.at(next_join++))); break;
      case Input::What::further_join: own(input.slot, sys::open_at(sys::here, input.path, O_WRONLY)); break;
      case Input::What::stream: {
        const sys::Fd given = stream(streams, input.path);
        give_away(given, input.owner);
        // One that is where init is to have it stays there.
        if (given.number() == number_of(input.path))
          numbers_.at(static_cast<std::size_t>(input.slot)) = given.number();
        else
          own(input.slot, copy(given));
        break;
      }
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
  for (const Input& input : left_to_init_) {
    binds.push_back(
        {.kind = plan::Kind::clone_tree, .into = input.slot, .a = input.recursive, .path = input.path});
    for (const std::uint64_t flags : input.propagation)
      binds.push_back({.kind = plan::Kind::set_propagation, .slot = input.slot, .a = flags});
  }
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
