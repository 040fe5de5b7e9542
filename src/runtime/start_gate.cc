#include "runtime/start_gate.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "plan/print.h"
#include "runtime/exec_diagnosis.h"
#include "runtime/make_plan.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

namespace tare::runtime {
namespace {

using plan::Entry;
using plan::Input;
using plan::Kind;
using plan::Message;

constexpr auto gate_name = "gate";

// Where init has told its parent that it is ready, and been answered.
std::vector<Entry>::iterator after_ready(plan::Program& program) {
  return std::ranges::find_if(program.entries,
                              [](const Entry& entry) {
                                return entry.kind == Kind::synchronise &&
                                       entry.a == static_cast<std::uint64_t>(plan::Sync::ready);
                              }) +
         1;
}

const Entry& entry_of(const plan::Program& program, Kind kind) {
  return *std::ranges::find(program.entries, kind, &Entry::kind);
}

// One message and the descriptor that it carries, if it does. False at the end of the conversation.
bool receive(sys::Fd socket, Message& message, sys::UniqueFd& descriptor) {
  auto received =
      sys::receive_with_descriptor(socket, &message, sizeof message, "the container's first process");
  if (received.descriptor) descriptor = std::move(received.descriptor);
  return received.size == sizeof message;
}

// What init says of itself is not trusted: every number may be any.
template <typename T>
std::optional<T> read_at(sys::Fd list, std::uint64_t offset) {
  T value;
  if (offset > (64u << 20)) return std::nullopt;
  if (::pread(list.number(), &value, sizeof value, static_cast<off_t>(offset)) != sizeof value)
    return std::nullopt;
  return value;
}

std::optional<Kind> kind_at(sys::Fd list, std::uint32_t index) {
  const auto head = read_at<plan::List>(list, 0);
  if (!head || head->magic != plan::list_magic || index >= head->operation_count) return std::nullopt;
  const auto operations = reinterpret_cast<std::uint64_t>(head->operations);
  if (operations < plan::list_address) return std::nullopt;
  const auto operation =
      read_at<plan::Operation>(list, operations - plan::list_address + index * sizeof(plan::Operation));
  return operation ? std::optional(operation->kind) : std::nullopt;
}

Error describe(sys::Fd list, const plan::Report& report, const oci::Process& process, pid_t pid) {
  const auto kind = kind_at(list, report.operation);
  if (!kind) return Error(ErrorKind::system, "the container's first process talks nonsense");
  if (*kind != Kind::execute)
    return system_error(report.error, format("cannot {}", plan::words({}, {.kind = *kind})));
  auto candidates = command_candidates(process.args, process.env);
  if (report.error != ENOENT && report.detail < candidates.size()) candidates = {candidates[report.detail]};
  const sys::UniqueFd root = sys::try_open_at(sys::here, format("/proc/{}/root", pid), O_PATH | O_DIRECTORY);
  return explain_exec_failure(root, process.args[0], candidates, process.cwd, report.error);
}

}  // namespace

void add_start_gate(plan::Program& program) {
  const Entry find{.kind = Kind::find_program,
                   .list = entry_of(program, Kind::execute).list,
                   .arguments = entry_of(program, Kind::execute).arguments};
  const std::int32_t gate = program.new_slot(), list = program.new_slot();
  program.inputs.push_back({.what = Input::What::gate, .slot = gate, .path = ""});
  program.inputs.push_back({.what = Input::What::list, .slot = list, .path = ""});
  const auto at = program.entries.insert(after_ready(program) - 1, find) + 2;
  program.entries.insert(at, {.kind = Kind::await_start, .slot = gate, .into = list});
}

// The host's own proc and sysfs mounts, the last one first (proc_pid_mountinfo(5)): they
// would show what the container's own hide.
void move_root_instead(plan::Program& program) {
  auto pivot = std::ranges::find(program.entries, Kind::pivot, &Entry::kind);
  pivot->a = 1;
  const std::string mounts = sys::read_file(sys::here, "/proc/self/mountinfo");
  for (std::string_view rest = mounts; !rest.empty();) {
    const std::string_view line = cgroup::next_word(rest, '\n');
    if (line.find(" - proc ") == line.npos && line.find(" - sysfs ") == line.npos) continue;
    std::size_t begin = 0;
    for (int field = 1; field < 5; field++) begin = line.find(' ', begin) + 1;
    pivot->list.insert(pivot->list.begin(), std::string(line.substr(begin, line.find(' ', begin) - begin)));
  }
}

void let_live_on(plan::Program& program) {
  program.entries.insert(after_ready(program), {.kind = Kind::die_with_parent, .a = 0});
}

void pass_descriptors_on(plan::Program& program, int count) {
  std::vector<Entry> placed;
  for (int number = 3; number < 3 + count; number++) {
    if (::fcntl(number, F_GETFD) < 0)
      throw Error(ErrorKind::invalid, format("descriptor {} is not open and cannot be passed on", number));
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back({.what = Input::What::passed_on, .slot = slot, .path = std::to_string(number)});
    placed.push_back({.kind = Kind::place_descriptor, .slot = slot, .a = static_cast<std::uint64_t>(number)});
  }
  auto close = std::ranges::find(program.entries, Kind::close_descriptors, &Entry::kind);
  close->a = static_cast<std::uint64_t>(count);
  program.entries.insert(close, placed.begin(), placed.end());
}

sys::UniqueFd make_gate(sys::Fd directory) {
  sys::UniqueFd gate = sys::listen_at(directory, gate_name);
  if (::fcntl(gate.number(), F_SETFL, 0) != 0) throw system_error("cannot make a socket that waits");
  return gate;
}

bool has_gate(sys::Fd directory) { return sys::exists(directory, gate_name); }

void remove_gate(sys::Fd directory) { sys::remove_file(directory, gate_name); }

void open_gate(sys::Fd directory, const oci::Process& process, pid_t pid) {
  Step step("start the container's process");
  const sys::UniqueFd socket = sys::try_connect_at(directory, gate_name);
  if (!socket) throw system_error("cannot reach the container's first process");
  Message message{};
  sys::UniqueFd list, none;
  if (!receive(socket, message, list) || !list || message.type != Message::Type::list)
    throw Error(ErrorKind::system, "the container's first process has ended");
  const Message go{.type = Message::Type::proceed, .value = 0};
  if (::send(socket.number(), &go, sizeof go, MSG_NOSIGNAL) != sizeof go)
    throw Error(ErrorKind::system, "the container's first process has ended");
  const bool said_something = receive(socket, message, none);
  // Else the end of the conversation: the socket closed by the exec, or the process ended before it.
  const auto head = read_at<plan::List>(list, 0);
  if (!head) throw Error(ErrorKind::system, "the container's first process talks nonsense");
  if (head->report.error != 0 || said_something)
    throw describe(list, head->report, process, pid);  // it still waits, to be looked at
  if (head->report.operation + 1 != head->operation_count)
    throw Error(ErrorKind::system, "the container's first process was killed before it was the program");
}

}  // namespace tare::runtime
