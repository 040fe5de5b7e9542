#include "runtime/net_devices.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/netlink.h"

namespace tare::runtime {
namespace {

using sys::Netlink;
using sys::NetlinkAnswer;
using sys::NetlinkRequest;

// Each as the kernel told it: that is how it is given back.
struct Address {
  ifaddrmsg head;
  std::string local, peer, broadcast;  ///< empty: none
};

int index_of(Netlink& netlink, const std::string& name, const std::string& words) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});  // else nothing says that all was said
  request.add_text(IFLA_IFNAME, name);
  for (const NetlinkAnswer& answer : netlink.ask(request, words))
    if (const auto head = answer.head<ifinfomsg>()) return head->ifi_index;
  throw system_error(ENODEV, words);
}

std::string text_of(const NetlinkAnswer& answer, std::uint16_t kind) {
  return std::string(answer.attribute(sizeof(ifaddrmsg), kind).value_or(""));
}

std::uint32_t flags_of(const NetlinkAnswer& answer, const ifaddrmsg& head) {
  std::uint32_t flags = head.ifa_flags;
  if (const auto wide = answer.attribute(sizeof(ifaddrmsg), IFA_FLAGS); wide && wide->size() == sizeof flags)
    wide->copy(reinterpret_cast<char*>(&flags), sizeof flags);
  return flags;
}

// Those that were given to it; what it found out for itself it will find again.
std::vector<Address> lasting_addresses(Netlink& netlink, int index, const std::string& words) {
  std::vector<Address> addresses;
  for (const NetlinkAnswer& answer : netlink.ask({RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}}, words)) {
    const auto head = answer.head<ifaddrmsg>();
    if (!head || head->ifa_index != static_cast<std::uint32_t>(index) ||
        head->ifa_scope != RT_SCOPE_UNIVERSE || !(flags_of(answer, *head) & IFA_F_PERMANENT))
      continue;
    addresses.push_back({.head = *head,
                         .local = text_of(answer, IFA_LOCAL),
                         .peer = text_of(answer, IFA_ADDRESS),
                         .broadcast = text_of(answer, IFA_BROADCAST)});
  }
  return addresses;
}

void add_address(Netlink& netlink, int index, Address address, const std::string& words) {
  address.head.ifa_index = static_cast<std::uint32_t>(index);
  address.head.ifa_flags = 0;
  NetlinkRequest request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, address.head);
  if (!address.local.empty()) request.add(IFA_LOCAL, address.local);
  if (!address.peer.empty()) request.add(IFA_ADDRESS, address.peer);
  if (!address.broadcast.empty()) request.add(IFA_BROADCAST, address.broadcast);
  // Nobody else had it until now: it need not be asked about.
  if (address.head.ifa_family == AF_INET6) request.add_number(IFA_FLAGS, IFA_F_NODAD);
  netlink.ask(request, words);
}

void set_up(Netlink& netlink, int index, const std::string& words) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  netlink.ask({RTM_SETLINK, NLM_F_ACK, link}, words);
}

void move(const oci::NetDevice& device, sys::Fd name_space) {
  const std::string words =
      format("/linux/netDevices: cannot move the network device {} into the container", device.name);
  Netlink here;
  const int index = index_of(here, device.name, words);
  const std::vector<Address> addresses = lasting_addresses(here, index, words);
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_change = IFF_UP;  // down: one that is up keeps its name
  NetlinkRequest request(RTM_SETLINK, NLM_F_ACK, link);
  request.add_text(IFLA_IFNAME, device.name_inside);
  request.add_number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(name_space.number()));
  here.ask(request, words);
  Netlink there(sys::open_netlink_in(name_space));
  const int index_there = index_of(there, device.name_inside, words);
  for (const Address& address : addresses) add_address(there, index_there, address, words);
  set_up(there, index_there, words);
}

}  // namespace

void move_net_devices(const std::vector<oci::NetDevice>& devices, pid_t pid) {
  if (devices.empty()) return;
  const sys::UniqueFd name_space = sys::open_at(sys::here, format("/proc/{}/ns/net", pid), O_RDONLY);
  for (const auto& device : devices) move(device, name_space);
}

std::vector<plan::HostStep> net_device_steps(const std::vector<oci::NetDevice>& devices) {
  std::vector<plan::HostStep> steps;
  for (const auto& device : devices)
    steps.push_back(
        {.what = plan::HostStep::What::move_device, .path = device.name, .value = device.name_inside});
  return steps;
}

}  // namespace tare::runtime
