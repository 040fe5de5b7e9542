#include "monitor/monitor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/freezer.h"
#include "cgroup/scope.h"
#include "cgroup/usage.h"
#include "monitor/plumbing.h"
#include "store/volumes.h"
#include "sys/process.h"

namespace tare::monitor {
namespace {

std::string memory_words(const cgroup::Usage& usage) {
  return usage.memory_limit ? format(" of {}", format_size(*usage.memory_limit)) : std::string();
}

class Monitor {
 public:
  Monitor(const Order& order, state::Lock& lock, sys::UniqueFd client)
      : order_(order), lock_(lock), record_(order.record), client_(std::move(client)) {
    if (order.log) log_.emplace(order.place.directory_of(record_.id), *order.log);
  }

  void run() {
    {
      const recorder::Span span("leave the caller: name, session, descriptors, directory");
      // It may live long, and `-e PASSWORD=…` is not for everybody's eyes.
      sys::rename_process(format("tare: monitor {}", record_.name), "tare: monitor");
      leave_the_caller({client_, lock_.file()});
    }
    try {
      live();
    } catch (const Error& error) {
      if (ran_) throw;
      give_up(error);
    }
  }

 private:
  void live() {
    if (order_.scope) cgroup::enter_scope(order_.cgroups, *order_.scope, record_.name);
    cgroup::Cgroup cgroup = cgroup::Cgroup::create(order_.cgroups, record_.cgroup, order_.needed_controllers);
    std::optional<recorder::Span> span(std::in_place, "set the limits");
    cgroup.apply(order_.limits);
    if (!order_.devices.empty()) cgroup::attach_device_rules(cgroup.open_unified(), order_.devices);

    span.emplace("make the pipes for its streams");
    Plumbing plumbing = make_plumbing(order_.terminal, order_.interactive);
    span.reset();
    runtime::Container container = runtime::Container::create(order_.program, cgroup, plumbing.streams());
    plumbing.let_go();
    if (order_.terminal) take_terminal(plumbing.ends, container.take_console());

    if (client_gave_up())
      throw Error(ErrorKind::conflict, "the command that wanted the container is gone or was interrupted");
    span.emplace("note that it runs");
    record_.started = now();
    record_.exit.reset();
    running_ = {.pid = container.pid(),
                .start_ticks = sys::start_ticks(container.pid()).value_or(0),
                .monitor = ::getpid()};
    state::write_running(order_.place, record_.id, running_);
    sys::UniqueFd listener = state::listen(order_.place, record_.id);
    if (!record_.remove_on_exit) state::write_record(order_.place, record_);
    span.reset();
    container.start();
    if (!send(client_, Frame::Type::started)) client_.reset();
    // The command that reads the record ends now.
    if (!order_.wish.output && !order_.wish.input) recorder::switch_off();

    span.emplace("wait for its end, and pass on what it writes", "", recorder::Span::Kind::relay);
    relay(container.pidfd(), std::move(plumbing.ends),
          {.client = std::move(client_),
           .wish = order_.wish,
           .listener = std::move(listener),
           .input_ends_with_it = order_.input_ends_with_client},
          {.log =
               [&](Frame::Type type, std::string_view bytes) {
                 if (log_)
                   log_->write(type == Frame::Type::output ? LogStream::output : LogStream::error, bytes,
                               now());
               },
           .answer = [&](const Frame& request) { answer(request); },
           .end = [&] { return end(container, cgroup); }});
    if (log_) log_->finish(now());
  }

  // It is tare-init's process that became the command.
  void note_command_in_trace(const runtime::Container& container) const {
    if (!recorder::is_on()) return;
    std::string words = "the command runs:";
    for (const auto& word : record_.command) words += " " + word;
    recorder::add({.kind = recorder::Event::Kind::begin,
                   .lane = recorder::Lane::init,
                   .at = container.told_at(),
                   .text = words});
    recorder::add({.kind = recorder::Event::Kind::end, .lane = recorder::Lane::init, .at = recorder::now()});
  }

  void answer(const Frame& request) {
    switch (request.type) {
      case Frame::Type::rename: return state::rename(order_.place, record_, request.payload);
      case Frame::Type::pause:
        if (running_.is_paused)
          throw Error(ErrorKind::conflict, format("Container {} is already paused", record_.id.value));
        cgroup::freeze(order_.cgroups, record_.cgroup);
        return note_paused(true);
      case Frame::Type::unpause:
        if (!running_.is_paused)
          throw Error(ErrorKind::conflict, format("Container {} is not paused", record_.id.value));
        cgroup::thaw(order_.cgroups, record_.cgroup);
        return note_paused(false);
      default: return;
    }
  }

  void note_paused(bool is_paused) {
    running_.is_paused = is_paused;
    state::write_running(order_.place, record_.id, running_);
  }

  // What is said about the end is true by then: it is on disk, and the cgroup is gone.
  std::string end(runtime::Container& container, cgroup::Cgroup& cgroup) {
    const recorder::Span span("clean up and note how it ended");
    note_command_in_trace(container);
    const int status = container.wait();
    ran_ = true;
    if (log_) log_->finish(now());
    const cgroup::Usage usage = cgroup::read_usage(order_.cgroups, record_.cgroup);
    const bool is_killed = WIFSIGNALED(status);
    state::Exit exit{.code = is_killed ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                     .signal = is_killed ? WTERMSIG(status) : 0,
                     .out_of_memory = std::nullopt,
                     .memory_peak = usage.memory_peak,
                     .error = {},
                     .finished = now()};
    if (usage.oom_kills.value_or(0) > 0)
      exit.out_of_memory = state::OutOfMemory{record_.cgroup, usage.memory_limit};
    std::string words;
    if (exit.out_of_memory && exit.signal == SIGKILL)
      words = format("OOM: the container reached its memory limit{} and was killed", memory_words(usage));
    try {
      cgroup.keep();  // what cannot be removed now is left to the command that settles the container
      cgroup::Cgroup::remove(order_.cgroups, record_.cgroup);
      settle(exit);
    } catch (const Error& error) {
      words += format("{}its end could not be noted: {}", words.empty() ? "" : "; ", error.what());
    }
    return format("{} {} {}", exit.code, exit.out_of_memory ? 1 : 0, words);
  }

  // Gone, or it says something: before the container's command runs, that can only be a signal.
  bool client_gave_up() const {
    char byte;
    return ::recv(client_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  // The container's end, on disk: what is reported to the client is done.
  void settle(const state::Exit& exit) {
    if (record_.remove_on_exit) {
      store::remove_anonymous_volumes(order_.place, record_.id);
      state::forget(order_.place, record_.id, lock_);
      return;
    }
    record_.exit = exit;
    state::write_record(order_.place, record_);
    state::forget_running(order_.place, record_.id);
    state::release(order_.place, record_.id, lock_);
  }

  // Its command never ran. Without an overlay the client tries again in another way and still owns the
  // container.
  void give_up(const Error& error) {
    const recorder::Span span("note that it failed, and say why");
    try {
      if (error.kind() != ErrorKind::no_overlay || client_gave_up())
        settle({.code = exit_code(error.kind()),
                .signal = 0,
                .out_of_memory = std::nullopt,
                .memory_peak = std::nullopt,
                .error = error.what(),
                .finished = now()});
    } catch (const Error&) {
      // Left to the command that settles the container; the first failure is the one to tell.
    }
    if (client_) send(client_, Frame::Type::failed, failure_payload(error));
  }

  const Order& order_;
  state::Lock& lock_;
  state::Record record_;
  state::Running running_;
  sys::UniqueFd client_;
  std::optional<LogWriter> log_;
  bool ran_ = false;
};

}  // namespace

void run_monitor(const Order& order, state::Lock& lock, sys::UniqueFd client) {
  Monitor(order, lock, std::move(client)).run();
}

}  // namespace tare::monitor
