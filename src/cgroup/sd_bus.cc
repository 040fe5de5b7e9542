#include "cgroup/sd_bus.h"

#include "sys/library.h"

namespace tare::cgroup {
namespace {

SdBus load() {
  const sys::Library library(
      "libsystemd.so.0", "making cgroups by systemd",
      "install it (Debian: libsystemd0, Fedora: systemd-libs), or use cgroupfs instead");
  SdBus bus{};
  library.find("sd_bus_new", bus.create);
  library.find("sd_bus_set_address", bus.set_address);
  library.find("sd_bus_set_bus_client", bus.set_bus_client);
  library.find("sd_bus_start", bus.start);
  library.find("sd_bus_close_unref", bus.close_unref);
  library.find("sd_bus_send", bus.send);
  library.find("sd_bus_process", bus.process);
  library.find("sd_bus_wait", bus.wait);
  library.find("sd_bus_message_new_method_call", bus.new_method_call);
  library.find("sd_bus_message_unref", bus.unref);
  library.find("sd_bus_message_append_basic", bus.append_basic);
  library.find("sd_bus_message_open_container", bus.open_container);
  library.find("sd_bus_message_close_container", bus.close_container);
  library.find("sd_bus_message_read_basic", bus.read_basic);
  library.find("sd_bus_message_skip", bus.skip);
  library.find("sd_bus_message_get_reply_cookie", bus.reply_cookie);
  library.find("sd_bus_message_get_error", bus.error);
  library.find("sd_bus_message_is_signal", bus.is_signal);
  return bus;
}

}  // namespace

const SdBus& sd_bus() {
  static const SdBus loaded = load();
  return loaded;
}

}  // namespace tare::cgroup
