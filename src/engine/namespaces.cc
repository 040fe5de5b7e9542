#include "engine/namespaces.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/definition.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

using oci::NamespaceKind;
using Mode = NamespaceChoice::Mode;

struct Kind {
  NamespaceKind kind;
  const char *name, *file;  ///< as error texts call it, and in /proc/PID/ns
  std::vector<Mode> allowed;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {NamespaceKind::pid, "PID", "pid", {Mode::host, Mode::container}},
      {NamespaceKind::ipc,
       "IPC",
       "ipc",
       {Mode::own, Mode::shareable, Mode::none, Mode::host, Mode::container}},
      {NamespaceKind::uts, "UTS", "uts", {Mode::host}},
      {NamespaceKind::cgroup, "CGROUP", "cgroup", {Mode::own, Mode::host}},
      {NamespaceKind::network, "network", "net", {}}};
  return table;
}

const Kind& row_of(NamespaceKind kind) { return *std::ranges::find(kinds(), kind, &Kind::kind); }

constexpr std::string_view container_prefix = "container:";

Mode mode_of(const std::string& text) {
  if (text == "host") return Mode::host;
  if (text == "none") return Mode::none;
  if (text == "shareable") return Mode::shareable;
  return text == "private" ? Mode::own : Mode::container;
}

Error contradiction(const char* what) {
  return Error(ErrorKind::invalid, format("conflicting options: {}", what));
}

// Of one container, and as long as its first process is held.
class Lender {
 public:
  Lender(const state::Place& place, const std::string& name, NamespaceKind kind)
      : container_(find_container(place, name)), directory_(place.directory_of(container_.record.id)) {
    if (container_.running)
      process_ = sys::try_hold(container_.running->pid, container_.running->start_ticks);
    if (!process_)
      throw Error(ErrorKind::conflict, format("cannot join {} of a non running container: {}",
                                              row_of(kind).name, container_.record.name));
  }

  std::string file(const char* name) const { return format("/proc/{}/ns/{}", container_.running->pid, name); }
  const HostPath& directory() const { return directory_; }
  void check_shares_memory() const {
    const auto definition = read_definition(directory_);
    if (definition && definition->options.ipc.mode == Mode::none)
      throw Error(ErrorKind::conflict,
                  format("cannot join IPC of container {}: non-shareable IPC", container_.record.name), 0,
                  "run that one with --ipc shareable");
  }

 private:
  Container container_;
  HostPath directory_;
  sys::UniqueFd process_;
};

}  // namespace

NamespaceChoice parse_namespace(NamespaceKind kind, const std::string& text) {
  if (text.empty()) return {};
  const Kind& row = row_of(kind);
  NamespaceChoice choice{.mode = mode_of(text), .container = {}};
  bool is_good = std::ranges::find(row.allowed, choice.mode) != row.allowed.end();
  if (choice.mode == Mode::container) {
    is_good = is_good && text.starts_with(container_prefix) && text.size() > container_prefix.size();
    if (is_good) choice.container = text.substr(container_prefix.size());
  }
  if (!is_good) throw Error(ErrorKind::invalid, format("invalid {} mode", row.name));
  return choice;
}

std::string to_text(const NamespaceChoice& choice) {
  switch (choice.mode) {
    case Mode::own: return "private";
    case Mode::shareable: return "shareable";
    case Mode::none: return "none";
    case Mode::host: return "host";
    case Mode::container: break;
  }
  return std::string(container_prefix) + choice.container;
}

Borrowed borrow_namespaces(const state::Place& place, const RunOptions& options) {
  Borrowed borrowed;
  const auto lend = [&](const Lender& lender, NamespaceKind kind) {
    borrowed.namespaces.push_back({kind, lender.file(row_of(kind).file)});
  };
  if (options.pid.mode == Mode::container)
    lend(Lender(place, options.pid.container, NamespaceKind::pid), NamespaceKind::pid);
  if (options.ipc.mode == Mode::container) {
    const Lender lender(place, options.ipc.container, NamespaceKind::ipc);
    lender.check_shares_memory();
    lend(lender, NamespaceKind::ipc);
    borrowed.shm_owner = lender.file("mnt");
  }
  if (options.network == Network::container) {
    const Lender lender(place, options.network_container, NamespaceKind::network);
    lend(lender, NamespaceKind::network);
    borrowed.etc_directory = lender.directory();
    borrowed.hostname =
        sys::try_read_file(sys::here, (lender.directory() / "hostname").value).value_or(std::string());
    while (borrowed.hostname.ends_with('\n')) borrowed.hostname.pop_back();
  }
  return borrowed;
}

std::vector<oci::Namespace> choose_namespaces(const RunOptions& options, const Borrowed& borrowed) {
  const auto mode = [](Network network) {
    return network == Network::host        ? Mode::host
           : network == Network::container ? Mode::container
                                           : Mode::own;
  };
  const struct {
    NamespaceKind kind;
    Mode mode;
  } wanted[] = {{NamespaceKind::pid, options.pid.mode},
                {NamespaceKind::mount, Mode::own},
                {NamespaceKind::ipc, options.ipc.mode},
                {NamespaceKind::uts, options.uts.mode},
                {NamespaceKind::cgroup, options.cgroup_namespace.mode},
                {NamespaceKind::network, mode(options.network)}};
  std::vector<oci::Namespace> chosen;
  for (const auto& one : wanted) {
    if (one.mode == Mode::host) continue;
    const auto known = std::ranges::find(borrowed.namespaces, one.kind, &oci::Namespace::kind);
    chosen.push_back(known == borrowed.namespaces.end() ? oci::Namespace{one.kind, ""} : *known);
  }
  if (!options.uid_mappings.empty()) chosen.push_back({NamespaceKind::user, ""});
  return chosen;
}

void check_namespaces(const RunOptions& options) {
  if (options.uts.mode == Mode::host && !options.hostname.empty())
    throw contradiction("hostname and the UTS mode");
  if (options.uts.mode == Mode::host && !options.domainname.empty())
    throw contradiction("domainname and the UTS mode");
  if (options.network == Network::container && !options.hostname.empty())
    throw contradiction("hostname and the network mode");
}

}  // namespace tare::engine
