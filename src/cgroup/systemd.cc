#include "cgroup/systemd.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <expected>
#include <optional>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/dbus.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::cgroup {
namespace {

using Clock = DBusConnection::Clock;
using std::chrono::milliseconds;
using namespace std::string_view_literals;

constexpr std::string_view service = "org.freedesktop.systemd1", manager_object = "/org/freedesktop/systemd1",
                           manager_interface = "org.freedesktop.systemd1.Manager";
constexpr std::string_view unit_exists = "org.freedesktop.systemd1.UnitExists",
                           no_such_unit = "org.freedesktop.systemd1.NoSuchUnit",
                           unknown_property = "org.freedesktop.DBus.Error.PropertyReadOnly";
constexpr auto job_removed_match =
    "type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

constexpr auto without_systemd =
    "let cgroups be made by cgroupfs: leave out --systemd-cgroup (podman: --cgroup-manager cgroupfs; docker: "
    "native.cgroupdriver=cgroupfs among its exec-opts)";

/// A call to systemd in the making; `signature` is that of what is added.
class Request {
 public:
  Request(std::string_view member, std::string_view signature)
      : call_{.destination = service,
              .object = manager_object,
              .interface = manager_interface,
              .member = member,
              .signature = signature} {}

  const MethodCall& call() const noexcept { return call_; }

  void add(std::string_view text) { arguments().add_text(text); }
  void add(bool value) { arguments().add_number(std::uint32_t{value}); }
  void add(std::span<const Property> properties) {
    arguments().add_array('(', [&] {
      for (const Property& property : properties) {
        arguments().begin_struct();
        add(property.name);
        arguments().add_signature(property.value.type);
        add(property.value);
      }
    });
  }
  /// The other units that StartTransientUnit could make at once: none.
  void add_no_others() {
    arguments().add_array('(', [] {});
  }

 private:
  WireWriter& arguments() noexcept { return call_.arguments; }

  void add(const PropertyValue& value) {
    const char type = value.type.back();
    const auto add_elements = [&] {
      for (const auto& element : value.elements) add(type, element);
    };
    if (value.type.starts_with('a'))
      arguments().add_array(type, add_elements);
    else
      add_elements();
  }

  template <typename Number>
  void add_number(const PropertyValue::Basic& value) {
    using Held = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
    arguments().add_number(static_cast<Number>(std::get<Held>(value)));
  }

  void add(char type, const PropertyValue::Basic& value) {
    switch (type) {
      case 's': return add(std::get<std::string>(value));
      case 'y': return add_number<std::uint8_t>(value);
      case 'n': return add_number<std::int16_t>(value);
      case 'q': return add_number<std::uint16_t>(value);
      case 'b':
      case 'i': return add_number<std::int32_t>(value);
      case 'u': return add_number<std::uint32_t>(value);
      case 'x': return add_number<std::int64_t>(value);
      case 't': return add_number<std::uint64_t>(value);
      default: arguments().add_number(std::get<double>(value));
    }
  }

  MethodCall call_;
};

/// What systemd did not do, in its own words.
struct Refusal {
  std::string name, text;
};

Error refused(const Refusal& refusal) {
  return Error(ErrorKind::system, format("systemd refused it: {}", refusal.text));
}

}  // namespace

SystemdAddress address_of(Manager manager) {
  const auto from_environment = [](const char* name, std::string otherwise) {
    const char* value = std::getenv(name);
    return value && *value ? std::string(value) : std::move(otherwise);
  };
  if (manager == Manager::system)
    return {.own = "unix:path=/run/systemd/private",
            .bus = from_environment("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")};
  const std::string directory =
      from_environment("XDG_RUNTIME_DIR", format("/run/user/{}", sys::outside_uid()));
  return {.own = format("unix:path={}/systemd/private", directory),
          .bus = from_environment("DBUS_SESSION_BUS_ADDRESS", format("unix:path={}/bus", directory))};
}

bool is_there(Manager manager) {
  constexpr std::string_view unix_socket = "unix:path=";
  const SystemdAddress address = address_of(manager);
  const auto exists = [&](const std::string& text) {
    return text.starts_with(unix_socket) && sys::exists(sys::here, text.substr(unix_socket.size()));
  };
  return exists(address.own) || exists(address.bus);
}

Manager own_manager() { return sys::is_root_of_system() ? Manager::system : Manager::user; }

class Systemd::Connection {
 public:
  Connection(const SystemdAddress& address, milliseconds patience) : patience_(patience) {
    restart_clock();
    const int own = open(address.own, Peer::program);
    if (own == 0) return;
    const int bus = open(address.bus, Peer::message_bus);
    if (bus != 0)
      throw Error(
          ErrorKind::unsupported,
          format("there is no systemd here that could make cgroups: nobody answers at {} ({}), nor at the "
                 "message bus {} ({})",
                 address.own, errno_words(own), address.bus, errno_words(bus)),
          0, without_systemd);
    // Its signals are only for who asked for them. The answers to these two need not be waited for.
    MethodCall match{.destination = "org.freedesktop.DBus",
                     .object = "/org/freedesktop/DBus",
                     .interface = "org.freedesktop.DBus",
                     .member = "AddMatch",
                     .signature = "s"};
    match.arguments.add_text(job_removed_match);
    connection_->send(match);
    connection_->send(Request("Subscribe", "").call());
  }

  void restart_clock() { deadline_ = Clock::now() + patience_; }
  bool is_late() const { return Clock::now() >= deadline_; }

  std::expected<Message, Refusal> call(const Request& request) {
    const std::uint32_t serial = connection_->send(request.call());
    for (;; give_up_if_late()) {
      Message message = receive();
      if (message.replied != serial) continue;
      if (message.type == Message::Type::error) {
        std::string text = message.error_text();
        return std::unexpected(Refusal{message.error, std::move(text)});
      }
      if (message.type == Message::Type::reply) return message;
    }
  }

  /// A call that `fill` writes, once more without what an older systemd may not know.
  template <typename Fill>
  std::expected<Message, Refusal> call(std::string_view member, std::string_view signature,
                                       std::span<const Property> properties, Fill fill) {
    const auto attempt = [&](std::span<const Property> told) {
      Request made(member, signature);
      fill(made, told);
      return call(made);
    };
    auto reply = attempt(properties);
    if (reply || reply.error().name != unknown_property) return reply;
    std::vector<Property> known(properties.begin(), properties.end());
    return std::erase_if(known, [](const Property& property) { return property.optional; }) > 0
               ? attempt(known)
               : std::move(reply);
  }

  /// Waits until the job that `reply` names is done. Signals come after the reply that announces them.
  void finish_job(const Message& reply) {
    const std::string job(reply.read("o").text());
    for (;; give_up_if_late()) {
      const Message message = receive();
      if (message.type != Message::Type::signal || message.interface != manager_interface ||
          message.member != "JobRemoved")
        continue;
      WireReader removed = message.read("uoss");
      removed.skip('u');
      if (removed.text() != job) continue;
      const std::string_view unit = removed.text(), result = removed.text();
      if (result == "done") return;
      throw Error(ErrorKind::system, format("systemd's job ended as \"{}\"", result), 0,
                  format("`journalctl -u {}` may say why", unit));
    }
  }

 private:
  /// An errno, or 0.
  int open(const std::string& address, Peer peer) {
    auto opened = DBusConnection::try_open(address, peer, deadline_);
    if (!opened && opened.error() == EAGAIN && is_late()) throw late();
    if (!opened) return opened.error();
    connection_.emplace(std::move(*opened));
    return 0;
  }

  Message receive() {
    auto message = connection_->try_receive(deadline_);
    if (!message) throw late();
    return std::move(*message);
  }

  /// There may be no end of what is told to everybody.
  void give_up_if_late() const {
    if (is_late()) throw late();
  }

  Error late() const {
    return Error(ErrorKind::system, format("systemd did not answer within {} ms", patience_.count()), 0,
                 "it is stuck or overloaded: see `systemctl list-jobs`; cgroupfs does without it");
  }

  milliseconds patience_;
  Clock::time_point deadline_;
  std::optional<DBusConnection> connection_;
};

Systemd Systemd::connect(const SystemdAddress& address, milliseconds patience) {
  return Systemd(std::make_unique<Connection>(address, patience));
}

Systemd::Systemd(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Systemd::Systemd(Systemd&&) noexcept = default;
Systemd::~Systemd() = default;

bool Systemd::try_start(const std::string& unit, std::span<const Property> properties) {
  const auto job = connection_->call("StartTransientUnit", "ssa(sv)a(sa(sv))", properties,
                                     [&](Request& request, auto told) {
                                       request.add(unit);
                                       request.add("fail"sv);
                                       request.add(told);
                                       request.add_no_others();
                                     });
  if (!job && job.error().name == unit_exists) return false;
  if (!job) throw refused(job.error());
  connection_->finish_job(*job);
  return true;
}

void Systemd::start(const std::string& unit, std::span<const Property> properties) {
  constexpr milliseconds patience_with_the_old(5'000);
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
  const Step step("have systemd start", unit);
  connection_->restart_clock();
  // One that has failed stays until it is told to go; the cgroup of one that has ended may be gone before
  // systemd has noticed.
  const auto give_up = Clock::now() + patience_with_the_old;
  while (!try_start(unit, properties)) {
    if (Clock::now() >= give_up || connection_->is_late())
      throw Error(ErrorKind::conflict, format("systemd has a unit {} already", unit), 0,
                  format("`systemctl status {}` says what it is; use another name, or stop that one", unit));
    Request reset("ResetFailedUnit", "s");
    reset.add(unit);
    (void)connection_->call(reset);
    ::nanosleep(&pause, nullptr);
  }
}

void Systemd::stop(const std::string& unit) {
  const Step step("have systemd stop", unit);
  connection_->restart_clock();
  Request stop("StopUnit", "ss");
  stop.add(unit);
  stop.add("replace"sv);
  const auto job = connection_->call(stop);
  if (job)
    connection_->finish_job(*job);
  else if (job.error().name != no_such_unit)
    throw refused(job.error());
}

void Systemd::set_properties(const std::string& unit, std::span<const Property> properties) {
  const Step step("have systemd change", unit);
  connection_->restart_clock();
  const auto done =
      connection_->call("SetUnitProperties", "sba(sv)", properties, [&](Request& request, auto told) {
        request.add(unit);
        request.add(true);
        request.add(told);
      });
  if (!done) throw refused(done.error());
}

void update_unit(const SystemdAddress& address, const std::string& unit, std::span<const Write> limits) {
  const std::vector<Property> properties = limit_properties(limits);
  if (!properties.empty()) Systemd::connect(address).set_properties(unit, properties);
}

}  // namespace tare::cgroup
