#include "runtime/hooks.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "plan/print.h"
#include "runtime/bundle.h"
#include "runtime/container.h"
#include "runtime/seccomp_listener.h"
#include "runtime/state_dir.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

enum class Where {
  outside,   ///< in the runtime's own namespaces
  entering,  ///< in the container's, the program found on the host
  inside,    ///< as one more of the container's processes
};

struct Point {
  HookPoint point;
  std::string_view name;
  std::vector<oci::Hook> oci::Hooks::* list;
  Where where;
  std::string_view status, words;
};
constexpr Point points[] = {
    {HookPoint::prestart, "prestart", &oci::Hooks::prestart, Where::outside, "creating",
     "when all is mounted"},
    {HookPoint::create_runtime, "createRuntime", &oci::Hooks::create_runtime, Where::outside, "creating",
     "when all is mounted"},
    {HookPoint::create_container, "createContainer", &oci::Hooks::create_container, Where::entering,
     "creating", "when all is mounted, in the container's namespaces"},
    {HookPoint::start_container, "startContainer", &oci::Hooks::start_container, Where::inside, "created",
     "before the program, in the container"},
    {HookPoint::poststart, "poststart", &oci::Hooks::poststart, Where::outside, "running",
     "when the program runs"},
    {HookPoint::poststop, "poststop", &oci::Hooks::poststop, Where::outside, "stopped",
     "when the container is deleted"},
};
const Point& find(HookPoint point) { return *std::ranges::find(points, point, &Point::point); }

constexpr std::size_t longest_shown = 4096;

// Standard input, output and error of a hook: memory files, which nobody has to feed or to drain.
struct HookStreams {
  sys::UniqueFd input = make(), output = make(), error = make();

  static sys::UniqueFd make() { return sys::make_memory_file("tare-hook", MFD_CLOEXEC); }
};

// The end of what was written, in one line.
std::string shown(sys::Fd file) {
  const off_t size = ::lseek(file.number(), 0, SEEK_END);
  const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(longest_shown));
  std::string text(static_cast<std::size_t>(std::max<off_t>(0, size - begin)), '\0');
  const ssize_t n = ::pread(file.number(), text.data(), text.size(), begin);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (text.ends_with('\n')) text.pop_back();
  for (std::size_t at; (at = text.find('\n')) != text.npos;) text.replace(at, 1, "; ");
  return text;
}

// As the specification has it, in the form that runc gives it: hooks that read it with sed(1) exist.
std::string state_text(const Point& point, const HookSubject& subject, pid_t pid) {
  json::object state{{"ociVersion", spec_version}, {"id", subject.id}, {"status", point.status}};
  if (pid != 0) state["pid"] = pid;
  state["bundle"] = subject.bundle;
  json::object annotations;
  for (const auto& [key, value] : subject.config.annotations) annotations[key] = value;
  if (!annotations.empty()) state["annotations"] = std::move(annotations);
  return json::compact(state);
}

// Its number in its own pid namespace, which is what a hook in there can use (runtime.md, "State").
pid_t pid_inside(pid_t pid) {
  const std::string status = sys::read_file(sys::here, format("/proc/{}/status", pid));
  const std::size_t line = status.find("\nNSpid:");
  const std::size_t end = status.find('\n', line + 1);
  if (line == status.npos || end == status.npos) return pid;
  return static_cast<pid_t>(std::stol(status.substr(status.find_last_of("\t ", end) + 1)));
}

std::vector<std::string> arguments_of(const oci::Hook& hook) {
  return hook.args.empty() ? std::vector{hook.path} : hook.args;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct Attributes {
  posix_spawnattr_t flags;
  posix_spawn_file_actions_t files;

  // What this process ignores or blocks is not the hook's, and its children can be killed with it.
  Attributes(const HookStreams& streams, const std::string& directory) {
    ::posix_spawnattr_init(&flags);
    ::posix_spawn_file_actions_init(&files);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&flags, &all);
    ::posix_spawnattr_setsigmask(&flags, &none);
    ::posix_spawnattr_setpgroup(&flags, 0);
    ::posix_spawnattr_setflags(&flags,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    ::posix_spawn_file_actions_adddup2(&files, streams.input.number(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, streams.output.number(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, streams.error.number(), STDERR_FILENO);
    if (!directory.empty()) ::posix_spawn_file_actions_addchdir_np(&files, directory.c_str());
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&flags);
  }
};

// Waits for the leader of a process group; nullopt: not in time, and then all of the group is killed.
std::optional<int> wait_status(pid_t pid, sys::Fd pidfd, const std::optional<int>& timeout) {
  const bool in_time = !timeout || sys::wait_for_end(pidfd, *timeout * 1000);
  if (!in_time) {
    ::kill(-pid, SIGKILL);
    sys::kill_process(pidfd);  // it may have left its group
  }
  const int status = sys::reap(pid);
  return in_time ? std::optional(status) : std::nullopt;
}

// In the bundle, as runc and crun have it; poststop's may be gone.
std::optional<int> run_outside(const oci::Hook& hook, const HookStreams& streams, const std::string& bundle) {
  const Attributes attributes(streams, ::access(bundle.c_str(), X_OK) == 0 ? bundle : "");
  std::vector<std::string> arguments = arguments_of(hook), environment;
  if (hook.env) environment = *hook.env;
  pid_t pid;
  const int failed =
      ::posix_spawnp(&pid, hook.path.c_str(), &attributes.files, &attributes.flags,
                     pointers(arguments).data(), hook.env ? pointers(environment).data() : environ);
  if (failed != 0) throw system_error(failed, format("fork/exec {}", hook.path));
  const sys::UniqueFd pidfd = sys::hold_child(pid);
  return wait_status(pid, pidfd, hook.timeout);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; variable++) variables.emplace_back(*variable);
  return variables;
}

std::optional<int> run_in_container(const Point& point, const oci::Hook& hook, const HookStreams& streams,
                                    const HookSubject& subject) {
  oci::RuntimeConfig config = subject.config;
  config.process.terminal = config.process.null_input = config.process.is_supervised = false;
  config.process.args = arguments_of(hook);
  config.process.affinity_of_exec = {};
  config.process.scheduler.reset();
  config.process.io_priority.reset();
  // A program of the host's gets nothing of the container's: LD_PRELOAD would make it another one
  // (CVE-2025-23266).
  if (hook.env)
    config.process.env = *hook.env;
  else if (point.where == Where::inside)
    add_home(config.process, config.root.path);
  else
    config.process.env = own_environment();
  plan::Program program =
      point.where == Where::inside
          ? make_exec_plan(config, *subject.facts, subject.id)
          : make_early_plan(config, *subject.facts, HostPath(format("/proc/{}/root", subject.pid)));
  program.entries.back().list = {hook.path};  // whatever it is called
  Container process = Container::create(
      program, *subject.cgroup,
      {.input = streams.input, .output = streams.output, .error = streams.error, .process = subject.process},
      {},
      point.where == Where::inside
          ? reach_listener(
                config,
                {.id = subject.id, .bundle = subject.bundle, .status = point.status, .pid = subject.pid})
          : Container::WhenFiltered());
  process.start();
  process.let_go();
  return wait_status(process.pid(), process.pidfd(), hook.timeout);
}

// Throws what is wrong with it.
void run(const Point& point, const oci::Hook& hook, const HookSubject& subject) {
  const HookStreams streams;
  const bool is_outside = point.where == Where::outside;
  const pid_t pid = is_outside || subject.pid == 0 ? subject.pid : pid_inside(subject.pid);
  sys::write_all(streams.input, state_text(point, subject, pid));
  ::lseek(streams.input.number(), 0, SEEK_SET);
  const std::optional<int> status = is_outside ? run_outside(hook, streams, subject.bundle)
                                               : run_in_container(point, hook, streams, subject);
  if (status == 0) return;
  const std::string why = !status ? format("hook ran past specified timeout of {}.0s", *hook.timeout)
                          : WIFSIGNALED(*status) ? format("it was killed by signal {}", WTERMSIG(*status))
                                                 : format("exit status {}", WEXITSTATUS(*status));
  throw Error(ErrorKind::system,
              format("{}, stdout: {}, stderr: {}", why, shown(streams.output), shown(streams.error)));
}

void run_one(const Point& point, std::size_t index, const HookSubject& subject) {
  const oci::Hook& hook = (subject.config.hooks.*point.list)[index];
  const recorder::Span span("run a hook", hook.path);
  try {
    run(point, hook, subject);
  } catch (const Error& error) {
    throw Error(ErrorKind::system, format("error running {} hook #{}: {}", point.name, index, error.text()),
                error.error_number(), error.hint());
  }
}

}  // namespace

void run_hooks(HookPoint at, const HookSubject& subject) {
  const Point& point = find(at);
  for (std::size_t i = 0; i < (subject.config.hooks.*point.list).size(); i++) run_one(point, i, subject);
}

void run_last_hooks(const HookSubject& subject, const Warn& warn) {
  const Point& point = find(HookPoint::poststop);
  for (std::size_t i = 0; i < (subject.config.hooks.*point.list).size(); i++) {
    try {
      run_one(point, i, subject);
    } catch (const Error& error) {
      warn(error.what());
    }
  }
}

std::vector<plan::HostStep> hook_steps(const oci::Hooks& hooks) {
  std::vector<plan::HostStep> steps;
  for (const Point& point : points)
    for (const auto& hook : hooks.*point.list)
      steps.push_back({.what = plan::HostStep::What::run_hook,
                       .path = hook.path,
                       .value = plan::command_words(arguments_of(hook)),
                       .why = format("{}, {}", point.name, point.words)});
  return steps;
}

}  // namespace tare::runtime
