#include "explain/capability_words.h"

#include <array>
#include <cstdint>

#include "base/format.h"
#include "plan/names.h"

namespace tare::explain {
namespace {

// capabilities(7), in the order of their numbers.
constexpr std::array<std::string_view, 41> words = {
    "change the owner of any file",
    "read, write and execute files whatever their modes say",
    "read any file, search any directory, open files by handle",
    "do with any file what only its owner may: chmod, set times and ACLs",
    "keep the set-user-id and set-group-id bits of files that are written to",
    "send signals to any process",
    "take any group id, and send any in messages",
    "take any user id, and send any in messages",
    "give away own capabilities, and drop them from the bounding set",
    "set and clear the immutable and append-only flags of files",
    "listen on ports below 1024",
    "broadcast, and listen to multicasts",
    "configure the network: interfaces, addresses, routes, firewall",
    "use raw and packet sockets: ping, and listen to the network",
    "lock memory, and use huge pages",
    "use any System V message queue, semaphore and shared memory",
    "load and unload kernel modules",
    "reach I/O ports, /dev/mem and devices' raw commands",
    "change the root directory, and enter mount namespaces",
    "trace any process, and read and write its memory",
    "switch process accounting on and off",
    "mount, make namespaces, and much more: nearly all of root's power",
    "reboot, and load another kernel",
    "raise priorities, and set scheduling and CPUs of any process",
    "go past limits: resources, quotas, reserved disk space",
    "set the clocks",
    "configure and hang up terminals",
    "make device nodes",
    "hold leases on any file",
    "write to the kernel's audit log",
    "configure the kernel's audit system",
    "give files capabilities",
    "override the rules of mandatory access control (Smack)",
    "configure mandatory access control (Smack)",
    "read and clear the kernel's log",
    "set timers that wake the machine",
    "keep the machine from sleeping",
    "read the audit log",
    "watch performance counters and the kernel at work",
    "load eBPF programs",
    "checkpoint and restore processes",
};

}  // namespace

std::string capability_name(int number) {
  const bool is_known = number >= 0 && static_cast<std::size_t>(number) < words.size();
  return is_known ? "CAP_" + plan::capability_names(std::uint64_t{1} << number).front()
                  : format("CAP_{}", number);
}

std::string_view capability_words(int number) {
  const bool is_known = number >= 0 && static_cast<std::size_t>(number) < words.size();
  return is_known ? words[static_cast<std::size_t>(number)] : std::string_view();
}

}  // namespace tare::explain
