// What is used of sd-bus, systemd's own D-Bus library (sd-bus(3)): loaded when the first connection is made.
#pragma once

#include <memory>
#include <systemd/sd-bus.h>

namespace tare::cgroup {

struct SdBus {
  decltype(::sd_bus_new)* create;
  decltype(::sd_bus_set_address)* set_address;
  decltype(::sd_bus_set_bus_client)* set_bus_client;
  decltype(::sd_bus_start)* start;
  decltype(::sd_bus_close_unref)* close_unref;
  decltype(::sd_bus_send)* send;
  decltype(::sd_bus_process)* process;
  decltype(::sd_bus_wait)* wait;
  decltype(::sd_bus_message_new_method_call)* new_method_call;
  decltype(::sd_bus_message_unref)* unref;
  decltype(::sd_bus_message_append_basic)* append_basic;
  decltype(::sd_bus_message_open_container)* open_container;
  decltype(::sd_bus_message_close_container)* close_container;
  decltype(::sd_bus_message_read_basic)* read_basic;
  decltype(::sd_bus_message_skip)* skip;
  decltype(::sd_bus_message_get_reply_cookie)* reply_cookie;
  decltype(::sd_bus_message_get_error)* error;
  decltype(::sd_bus_message_is_signal)* is_signal;
};

/// Throws Error{unsupported} where there is no such library.
const SdBus& sd_bus();

struct CloseBus {
  void operator()(::sd_bus* bus) const noexcept { sd_bus().close_unref(bus); }
};
using BusPointer = std::unique_ptr<::sd_bus, CloseBus>;

struct FreeMessage {
  void operator()(::sd_bus_message* message) const noexcept { sd_bus().unref(message); }
};
using MessagePointer = std::unique_ptr<::sd_bus_message, FreeMessage>;

}  // namespace tare::cgroup
