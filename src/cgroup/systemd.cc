#include "cgroup/systemd.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <expected>
#include <thread>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/sd_bus.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::cgroup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto service = "org.freedesktop.systemd1", manager_object = "/org/freedesktop/systemd1",
               manager_interface = "org.freedesktop.systemd1.Manager";
constexpr std::string_view unit_exists = "org.freedesktop.systemd1.UnitExists",
                           no_such_unit = "org.freedesktop.systemd1.NoSuchUnit",
                           unknown_property = "org.freedesktop.DBus.Error.PropertyReadOnly";
constexpr auto job_removed_match =
    "type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

constexpr auto without_systemd =
    "let cgroups be made by cgroupfs: leave out --systemd-cgroup (podman: --cgroup-manager cgroupfs; docker: "
    "native.cgroupdriver=cgroupfs among its exec-opts)";

/// sd-bus gives errors back as negative numbers.
int checked(int result, std::string_view doing) {
  if (result < 0) throw system_error(-result, format("cannot {}", doing));
  return result;
}

/// A call to systemd in the making.
class Request {
 public:
  Request(::sd_bus* bus, const char* destination, const char* object, const char* interface,
          const char* member) {
    ::sd_bus_message* message = nullptr;
    check(sd_bus().new_method_call(bus, &message, destination, object, interface, member));
    message_.reset(message);
  }

  ::sd_bus_message* get() const noexcept { return message_.get(); }

  void add(const std::string& value) { check(sd_bus().append_basic(get(), 's', value.c_str())); }
  void add(bool value) {
    const int number = value;
    check(sd_bus().append_basic(get(), 'b', &number));
  }
  void add(std::span<const Property> properties) {
    open('a', "(sv)");
    for (const Property& property : properties) {
      open('r', "sv");
      add(property.name);
      open('v', property.value.type.c_str());
      add(property.value);
      close(), close();
    }
    close();
  }
  /// The other units that StartTransientUnit could make at once: none.
  void add_no_others() { open('a', "(sa(sv))"), close(); }

 private:
  static void check(int result) { checked(result, "write a message to systemd"); }
  void open(char type, const char* contents) { check(sd_bus().open_container(get(), type, contents)); }
  void close() { check(sd_bus().close_container(get())); }

  void add(const PropertyValue& value) {
    const bool is_array = value.type.starts_with('a');
    if (is_array) open('a', value.type.c_str() + 1);
    for (const auto& element : value.elements) add(value.type.back(), element);
    if (is_array) close();
  }

  template <typename Number>
  void add_number(char type, const PropertyValue::Basic& value) {
    using Held = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
    const auto number = static_cast<Number>(std::get<Held>(value));
    check(sd_bus().append_basic(get(), type, &number));
  }

  void add(char type, const PropertyValue::Basic& value) {
    switch (type) {
      case 's': return add(std::get<std::string>(value));
      case 'y': return add_number<std::uint8_t>(type, value);
      case 'n': return add_number<std::int16_t>(type, value);
      case 'q': return add_number<std::uint16_t>(type, value);
      case 'b':
      case 'i': return add_number<std::int32_t>(type, value);
      case 'u': return add_number<std::uint32_t>(type, value);
      case 'x': return add_number<std::int64_t>(type, value);
      case 't': return add_number<std::uint64_t>(type, value);
      default: check(sd_bus().append_basic(get(), type, &std::get<double>(value)));
    }
  }

  MessagePointer message_;
};

/// What systemd did not do, in its own words.
struct Refusal {
  std::string name, text;
};

std::string read_text(::sd_bus_message* message, char type) {
  const char* read = nullptr;
  checked(sd_bus().read_basic(message, type, static_cast<void*>(&read)), "read a message from systemd");
  return read;
}

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
    const int own = open(address.own, false);
    if (own >= 0) return;
    const int bus = open(address.bus, true);
    if (bus < 0)
      throw Error(
          ErrorKind::unsupported,
          format("there is no systemd here that could make cgroups: nobody answers at {} ({}), nor at the "
                 "message bus {} ({})",
                 address.own, errno_words(-own), address.bus, errno_words(-bus)),
          0, without_systemd);
    // Its signals are only for who asked for them. The answers to these two need not be waited for.
    Request match(bus_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                  "AddMatch");
    match.add(std::string(job_removed_match));
    send(match);
    send(Request(bus_.get(), service, manager_object, manager_interface, "Subscribe"));
  }

  void restart_clock() { deadline_ = Clock::now() + patience_; }
  bool is_late() const { return Clock::now() >= deadline_; }

  Request request(const char* member) const {
    return Request(bus_.get(), service, manager_object, manager_interface, member);
  }

  std::expected<MessagePointer, Refusal> call(const Request& request) {
    const std::uint64_t cookie = send(request);
    for (;;) {
      MessagePointer message = receive();
      std::uint64_t replied = 0;
      if (sd_bus().reply_cookie(message.get(), &replied) < 0 || replied != cookie) continue;
      if (const auto* error = sd_bus().error(message.get()))
        return std::unexpected(Refusal{error->name, error->message ? error->message : error->name});
      return message;
    }
  }

  /// A call that `fill` writes, once more without what an older systemd may not know.
  template <typename Fill>
  std::expected<MessagePointer, Refusal> call(const char* member, std::span<const Property> properties,
                                              Fill fill) {
    const auto attempt = [&](std::span<const Property> told) {
      Request made = request(member);
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
  void finish_job(const MessagePointer& reply) {
    const std::string job = read_text(reply.get(), 'o');
    for (;;) {
      const MessagePointer message = receive();
      if (sd_bus().is_signal(message.get(), manager_interface, "JobRemoved") <= 0) continue;
      checked(sd_bus().skip(message.get(), "u"), "read a message from systemd");
      if (read_text(message.get(), 'o') != job) continue;
      const std::string unit = read_text(message.get(), 's'), result = read_text(message.get(), 's');
      if (result == "done") return;
      throw Error(ErrorKind::system, format("systemd's job ended as \"{}\"", result), 0,
                  format("`journalctl -u {}` may say why", unit));
    }
  }

 private:
  int open(const std::string& address, bool is_bus) {
    ::sd_bus* bus = nullptr;
    checked(sd_bus().create(&bus), "make a connection to systemd");
    bus_.reset(bus);
    checked(sd_bus().set_address(bus, address.c_str()), "use systemd's address " + address);
    checked(sd_bus().set_bus_client(bus, is_bus), "make a connection to systemd");
    return sd_bus().start(bus);
  }

  std::uint64_t send(const Request& request) {
    std::uint64_t cookie = 0;
    checked(sd_bus().send(bus_.get(), request.get(), &cookie), "send a message to systemd");
    return cookie;
  }

  MessagePointer receive() {
    for (;;) {
      ::sd_bus_message* message = nullptr;
      const int progress = checked(sd_bus().process(bus_.get(), &message), "talk to systemd");
      if (message) return MessagePointer(message);
      if (progress > 0) continue;
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline_ - Clock::now());
      if (left.count() <= 0)
        throw Error(ErrorKind::system, format("systemd did not answer within {} ms", patience_.count()), 0,
                    "it is stuck or overloaded: see `systemctl list-jobs`; cgroupfs does without it");
      checked(sd_bus().wait(bus_.get(), static_cast<std::uint64_t>(left.count())), "talk to systemd");
    }
  }

  milliseconds patience_;
  Clock::time_point deadline_;
  BusPointer bus_;
};

Systemd Systemd::connect(const SystemdAddress& address, milliseconds patience) {
  return Systemd(std::make_unique<Connection>(address, patience));
}

Systemd::Systemd(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Systemd::Systemd(Systemd&&) noexcept = default;
Systemd::~Systemd() = default;

bool Systemd::try_start(const std::string& unit, std::span<const Property> properties) {
  const auto job = connection_->call("StartTransientUnit", properties, [&](Request& request, auto told) {
    request.add(unit);
    request.add(std::string("fail"));
    request.add(told);
    request.add_no_others();
  });
  if (!job && job.error().name == unit_exists) return false;
  if (!job) throw refused(job.error());
  connection_->finish_job(*job);
  return true;
}

void Systemd::start(const std::string& unit, std::span<const Property> properties) {
  constexpr milliseconds patience_with_the_old(5'000), pause(10);
  const Step step("have systemd start", unit);
  connection_->restart_clock();
  // One that has failed stays until it is told to go; the cgroup of one that has ended may be gone before
  // systemd has noticed.
  const auto give_up = Clock::now() + patience_with_the_old;
  while (!try_start(unit, properties)) {
    if (Clock::now() >= give_up || connection_->is_late())
      throw Error(ErrorKind::conflict, format("systemd has a unit {} already", unit), 0,
                  format("`systemctl status {}` says what it is; use another name, or stop that one", unit));
    Request reset = connection_->request("ResetFailedUnit");
    reset.add(unit);
    (void)connection_->call(reset);
    std::this_thread::sleep_for(pause);
  }
}

void Systemd::stop(const std::string& unit) {
  const Step step("have systemd stop", unit);
  connection_->restart_clock();
  Request stop = connection_->request("StopUnit");
  stop.add(unit);
  stop.add(std::string("replace"));
  const auto job = connection_->call(stop);
  if (job)
    connection_->finish_job(*job);
  else if (job.error().name != no_such_unit)
    throw refused(job.error());
}

void Systemd::set_properties(const std::string& unit, std::span<const Property> properties) {
  const Step step("have systemd change", unit);
  connection_->restart_clock();
  const auto done = connection_->call("SetUnitProperties", properties, [&](Request& request, auto told) {
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
