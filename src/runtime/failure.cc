#include "runtime/failure.h"

#include <cerrno>

#include "base/format.h"
#include "plan/print.h"
#include "runtime/exec_diagnosis.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

using plan::Entry;
using plan::Kind;

// The mount that a slot holds was made by an earlier operation or opened by the parent.
std::string source_of(const plan::Program& program, std::int32_t slot) {
  for (const auto& entry : program.entries)
    if (entry.into == slot && entry.kind == Kind::new_filesystem) return entry.text;
  for (const auto& input : program.inputs)
    if (input.slot == slot) return input.path;
  return "the root file system";
}

Error mount_failure(const plan::Program& program, const Entry& entry, int error_number) {
  if (error_number == ELOOP && (entry.flags & plan::no_symlinks))
    return Error(ErrorKind::invalid,
                 format("{} in the root file system is or lies behind a symlink", entry.path), 0,
                 "it must be a real directory, or be missing");
  if (error_number == EXDEV)
    return Error(ErrorKind::invalid, format("{} in the root file system leads into /proc", entry.path), 0,
                 "nothing can be mounted there");
  if (error_number == EBUSY)
    return Error(ErrorKind::invalid, format("{} in the root file system is the root itself", entry.path), 0,
                 "nothing can be mounted over it");
  std::string text = format("cannot mount {} on {}", source_of(program, entry.slot), entry.path);
  if (error_number == ENOTDIR)
    return Error(ErrorKind::invalid, std::move(text), error_number,
                 "one of the two is a file, the other a directory");
  return system_error(
      error_number, std::move(text),
      error_number == EACCES && !sys::in_first_user_namespace()
          ? "the root file system has another owner, so nothing can be made in it: use a tarball or a "
            "copy of it"
          : "");
}

Error nonsense() { return Error(ErrorKind::system, "the container's first process talks nonsense"); }

// Init passes over what does not exist and ends on the candidate in `detail`; when it ends on none, each of
// them may be the one that exists and whose interpreter does not.
Error exec_failure(const plan::Program& program, const Entry& entry, const plan::Report& report,
                   sys::Fd root) {
  ContainerPath cwd("/");
  for (const auto& earlier : program.entries)
    if (earlier.kind == Kind::enter_directory) cwd = ContainerPath(earlier.path);
  auto candidates = entry.list;
  if (report.error != ENOENT) {
    if (report.detail >= candidates.size()) return nonsense();
    candidates = {candidates[report.detail]};
  }
  return explain_exec_failure(root, entry.arguments.at(0), candidates, cwd, report.error);
}

}  // namespace

Error describe_failure(const plan::Program& program, const plan::Report& report, sys::Fd root) {
  // Init is not trusted from the moment it runs: a number out of range must not lead anywhere.
  if (report.operation >= program.entries.size()) return nonsense();
  const Entry& entry = program.entries[report.operation];
  const int error_number = report.error;
  switch (entry.kind) {
    case Kind::find_program:
    case Kind::execute: return exec_failure(program, entry, report, root);
    case Kind::new_filesystem:
      if (entry.text == "overlay" && error_number != ENOENT && error_number != ENOSPC)
        return Error(ErrorKind::no_overlay, "cannot make an overlay", error_number);
      for (const auto& later : program.entries)
        if (later.kind == Kind::attach && later.slot == entry.into)
          return system_error(error_number,
                              format("cannot {} for {}", plan::words(program, entry), later.path));
      break;
    case Kind::attach_root:
      if (error_number == EROFS)
        return Error(ErrorKind::system, "the overlay is read-only: its work directory could not be made", 0,
                     "No space left on device, most likely");
      break;
    case Kind::set_propagation:
      if (error_number == EINVAL)
        return Error(ErrorKind::unsupported, "the root directory here is no mount point, as in a chroot", 0,
                     "bind-mount it on itself before entering it");
      break;
    case Kind::attach: return mount_failure(program, entry, error_number);
    case Kind::open_directory:
    case Kind::make_directory:
      if (error_number == ENOTDIR || error_number == EEXIST || error_number == ELOOP)
        return Error(ErrorKind::invalid, format("{} in the root file system is not a directory", entry.path));
      break;
    case Kind::enter_directory:
      if (error_number == ENOTDIR)
        return Error(ErrorKind::invalid, format("the working directory {} is not a directory", entry.path));
      break;
    case Kind::set_label:
      if (error_number == ENOENT)
        return Error(ErrorKind::invalid, format("the kernel has no profile for \"{}\"", entry.text), 0,
                     "an AppArmor profile must be loaded before it is used");
      // podman looks for the path in backticks.
      return system_error(error_number, format("cannot write \"{}\" to `/proc/{}`", entry.text, entry.path));
    case Kind::set_parameter:
      if (error_number == ENOENT)
        return Error(ErrorKind::unsupported, format("cannot {}", plan::words(program, entry)), error_number,
                     "this kernel does not have it, or not for a container");
      break;
    case Kind::set_rlimit:
      if (error_number == EPERM)
        return Error(ErrorKind::unsupported,
                     "a limit above the present hard limit needs CAP_SYS_RESOURCE, which is missing", 0,
                     "ask for less with --ulimit");
      break;
    default: break;
  }
  return system_error(error_number, format("cannot {}", plan::words(program, entry)));
}

}  // namespace tare::runtime
