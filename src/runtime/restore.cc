#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "runtime/checkpoint.h"
#include "runtime/console_socket.h"
#include "runtime/container.h"
#include "runtime/foreground.h"
#include "runtime/hooks.h"
#include "runtime/new_container.h"
#include "runtime/outside.h"
#include "runtime/pid_file.h"
#include "runtime/service_manager.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace tare::runtime {
namespace {

// criu wants a mount to take for the container's root. That of a mount namespace of its own is nowhere to be
// seen, and gone with it: this process is in there until criu is.
class RootAsMount {
 public:
  explicit RootAsMount(const std::string& path)
      : host_(sys::open_at(sys::here, "/proc/self/ns/mnt", O_RDONLY)),
        root_(sys::open_at(sys::here, "/", O_PATH | O_DIRECTORY)),
        directory_(sys::open_at(sys::here, ".", O_PATH | O_DIRECTORY)) {
    if (::unshare(CLONE_NEWNS) != 0) throw system_error("cannot make a mount namespace");
    is_inside_ = true;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
        ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
        ::mount(nullptr, path.c_str(), nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw system_error("cannot make the container's root a mount");
  }
  void leave() {
    if (!std::exchange(is_inside_, false)) return;
    if (::setns(host_.number(), CLONE_NEWNS) != 0 || ::fchdir(root_.number()) != 0 || ::chroot(".") != 0 ||
        ::fchdir(directory_.number()) != 0)
      throw system_error("cannot go back to the host's mounts");
  }

 private:
  sys::UniqueFd host_, root_, directory_;
  bool is_inside_ = false;
};

void give_all(const RestoreOptions& options, Criu& criu, const Preparation& prepared) {
  const oci::RuntimeConfig& config = prepared.bundle.config;
  criu.set(CriuOption::root, config.root.path.value);
  if (!options.lsm_profile.empty()) criu.set(CriuOption::lsm_profile, options.lsm_profile);
  if (!options.lsm_mount_context.empty()) criu.set(CriuOption::lsm_mount_context, options.lsm_mount_context);
  for (const auto& mount : outside_mounts(config, prepared.facts, options.create.id))
    criu.add_outside_mount(mount.name, mount.source);
  give_streams(criu, options.criu.images);
  // Its cgroups have another name now; the path is the same in every hierarchy.
  criu.set_cgroup_root(config.cgroups_path);
}

}  // namespace

int restore(const RestoreOptions& options, Stay stay) {
  const CreateOptions& order = options.create;
  check_id(order.id);
  Preparation prepared = prepare(order);
  oci::RuntimeConfig& config = prepared.bundle.config;
  if (NotifySocket::is_wanted()) NotifySocket::add_to(config, order.root / order.id);
  const sys::UniqueFd console_socket = connect_console(order.console_socket, config.process.terminal, stay);
  Criu criu;
  RootAsMount root(config.root.path.value);
  // Which mounts on its directories: those of this mount namespace.
  criu.prepare(options.criu, "restore.log", config);
  give_all(options, criu, prepared);
  const auto namespaces = give_outside_namespaces(criu, config);
  const CaughtSignals signals;

  Claim claim(order, prepared);
  HookSubject subject{.config = config,
                      .id = order.id,
                      .bundle = prepared.bundle.path.value,
                      .facts = &prepared.facts,
                      .cgroup = &claim.cgroup()};
  claim.when_gone([&] {
    run_last_hooks({.config = config, .id = order.id, .bundle = prepared.bundle.path.value}, order.warn);
  });
  sys::UniqueFd console, process;
  const auto be_told = [&](Criu::Event event, pid_t pid, sys::Fd terminal) {
    root.leave();
    switch (event) {
      case Criu::Event::namespaces_are_made:
        claim.put_into_cgroup(pid);
        process = sys::hold_child(pid);
        subject.pid = pid;
        subject.process = process;
        for (const auto point : {HookPoint::prestart, HookPoint::create_runtime}) run_hooks(point, subject);
        break;
      case Criu::Event::terminal_is_made:
        if (console_socket) return send_console(console_socket, terminal);
        console = sys::UniqueFd(::fcntl(terminal.number(), F_DUPFD_CLOEXEC, 3));
        if (!console) throw system_error("cannot keep the terminal");
        break;
      case Criu::Event::processes_are_made: claim.occupied(pid); break;
    }
  };
  const pid_t first = criu.restore(be_told);
  if (!process) process = sys::hold_child(first);
  Container container = Container::adopt(first, std::move(process));
  if (stay == Stay::until_end && console) sys::leave_line_feeds_alone(console);
  return claim.let_run(container, stay, Keep::nothing, [&] {
    write_pid_file(order.pid_file, container.pid());
    return stay == Stay::until_end ? stay_until_end(container, std::move(console), signals) : 0;
  });
}

}  // namespace tare::runtime
