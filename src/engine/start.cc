#include "engine/start.h"

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/life.h"
#include "engine/order.h"
#include "store/copy_tree.h"
#include "store/merged.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

class Start {
 public:
  Start(const state::Place& place, Startable container, const Host& host, const Attachment& attachment,
        const Notify& notify)
      : place_(place), container_(container), host_(host), attachment_(attachment), notify_(notify) {}

  Result execute() {
    std::optional<Signals> signals(std::in_place);
    monitor::Launched launched = launch();
    Attached start = await_start(launched.socket, *signals);
    if (start.outcome == Outcome::failed && start.kind == ErrorKind::no_overlay) {
      launched.await_end();
      signals.reset();  // a copy takes time: it is as easily ended as an unpacking
      copy_root(start.words);
      signals.emplace();
      launched = launch();
      start = await_start(launched.socket, *signals);
    }
    container_.lock.let_go();
    const bool started = start.outcome == Outcome::ended;
    if (started && !attachment_.wish.output && !attachment_.wish.input)
      return {.exit_code = 0, .started = true};
    if (started) start = attach(launched.socket, *signals, attachment_);
    return {.exit_code = conclude(launched, start), .started = started};
  }

 private:
  monitor::Launched launch() {
    std::optional<recorder::Span> span(std::in_place, "compute its plan for this start");
    const Definition& definition = container_.definition;
    const sys::UniqueFd layer = try_open_layers(definition, container_.directory);
    ContainerFacts facts = gather_facts(host_, container_.record.id, container_.directory, definition, layer);
    add_start_facts(place_, definition.options, facts);
    const oci::RuntimeConfig config = make_config(definition.options, facts);
    if (config.process.apparmor_profile == default_profile_name) load_default_profile();
    // A plain user may have his systemd now and not have had it at the creation, or the other way round.
    container_.record.cgroup = config.cgroups_path;
    monitor::Order order = make_order(place_, container_.record, host_, definition, config);
    order.wish = attachment_.wish;
    order.input_ends_with_client = definition.options.interactive && !definition.options.detached;
    span.reset();
    return monitor::launch(order, container_.lock);
  }

  void copy_root(const std::string& why) {
    notify_(format("{}: the root file system is copied for this container", why));
    const sys::UniqueFd from = store::open_merged(container_.definition.rootfs.layers, store::own_marks());
    const sys::UniqueFd to =
        sys::open_at(sys::here, (container_.directory / "rootfs").value, O_RDONLY | O_DIRECTORY);
    const RunOptions& options = container_.definition.options;
    store::copy_tree(from, to, {options.uid_mappings, options.gid_mappings});
    container_.definition.root_is_copied = true;
    write_definition(container_.directory, container_.definition);
  }

  int conclude(const monitor::Launched& launched, const Attached& result) {
    switch (result.outcome) {
      case Outcome::detached:
        if (!result.words.empty()) notify_(result.words);
        return result.exit_code;
      case Outcome::given_up:
        launched.await_end();
        settle(place_, container_.record.id);  // its monitor may have left that to us, not knowing
        return result.exit_code;
      case Outcome::failed:
      case Outcome::ended:
        launched.await_end();
        if (!result.words.empty()) notify_(result.words);
        return result.exit_code;
      case Outcome::abandoned: break;
    }
    launched.await_end();
    settle(place_, container_.record.id);
    if (result.exit_code != 0) return result.exit_code;  // so it was meant
    // It may have been killed when all was done and noted.
    const auto record = state::read_record(place_, container_.record.id);
    if (record && record->exit && record->exit->error.empty()) return record->exit->code;
    notify_(
        format("the monitor of container {} was killed, and the container with it", container_.record.name));
    return monitor_killed;
  }

  const state::Place& place_;
  Startable container_;
  const Host& host_;
  const Attachment& attachment_;
  const Notify& notify_;
};

// As docker has it: one that runs is started, and `start -a` is `attach`.
Result join(const state::Place& place, const std::string& name_or_id, const StartOptions& options,
            const Notify& notify) {
  if (!options.attaches && !options.interactive) return {.exit_code = 0, .started = true};
  const AttachOptions wish{.input = options.interactive, .detach_keys = options.detach_keys};
  return {.exit_code = attach(place, name_or_id, wish, notify), .started = true};
}

}  // namespace

Result start(const state::Place& place, Startable container, const Host& host, const Attachment& attachment,
             const Notify& notify) {
  return Start(place, container, host, attachment, notify).execute();
}

Result start(const state::Place& place, const std::string& name_or_id, const StartOptions& options,
             const Notify& notify) {
  const Container found = find_container(place, name_or_id);
  auto lock = state::try_take(place, found.record.id);
  auto record = lock ? state::read_record(place, found.record.id) : std::nullopt;
  if (!lock) {
    if (found.status == Status::paused)
      throw Error(ErrorKind::conflict, "cannot start a paused container, try unpause instead");
    if (found.status == Status::running) return join(place, name_or_id, options, notify);
    throw Error(ErrorKind::conflict, format("container {} is running or in use", found.record.name));
  }
  const HostPath directory = place.directory_of(found.record.id);
  auto definition = read_definition(directory);
  if (!record || !definition) {
    state::release(place, found.record.id, *lock);
    throw Error(ErrorKind::not_found, format("No such container: {}", name_or_id));
  }
  try {
    const Host host = read_host();
    check_host(host, definition->options, [](const std::string&) {});
    const bool gives_input = options.interactive && definition->options.interactive;
    const Attachment attachment{
        .wish = {.input = gives_input, .output = options.attaches || options.interactive},
        .terminal = definition->options.terminal,
        .keys = parse_detach_keys(options.detach_keys)};
    return start(place, {*record, *definition, directory, *lock}, host, attachment, notify);
  } catch (...) {
    if (lock->held()) state::release(place, found.record.id, *lock);
    throw;
  }
}

}  // namespace tare::engine
